import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from components.contracts.annotation.fill import paint_box, paint_ellipse, paint_outline
from components.contracts.annotation.model import AnnotationError

STAR = np.array([[10, 1], [16, 19], [1, 7], [19, 7], [4, 19.0]])  # goes around its centre twice


def painted(points, rule="nonzero", shape=(20, 20)) -> np.ndarray:
    labels = np.zeros(shape, np.uint8)
    paint_outline(labels, np.asarray(points, np.float64).reshape(-1, 2), 1, rule)
    return labels.astype(bool)


def winding(points, x, y) -> int:
    """Count the turns of an outline around a point, one edge at a time."""
    turns = 0
    for (x0, y0), (x1, y1) in zip(points, np.roll(points, -1, axis=0), strict=True):
        if min(y0, y1) <= y < max(y0, y1) and x0 + (y - y0) / (y1 - y0) * (x1 - x0) <= x:
            turns += 1 if y1 > y0 else -1
    return turns


COORDINATES = st.floats(-8, 16, allow_nan=False, width=16)


@given(st.lists(st.tuples(COORDINATES, COORDINATES), min_size=1, max_size=9))
@settings(max_examples=150, deadline=None)
def test_outline_covers_the_pixels_around_whose_centre_it_turns(points):
    points = np.array(points, np.float64)
    turns = np.array([[winding(points, x + 0.5, y + 0.5) for x in range(8)] for y in range(8)])
    np.testing.assert_array_equal(painted(points, "nonzero", (8, 8)), turns != 0)
    np.testing.assert_array_equal(painted(points, "even-odd", (8, 8)), turns % 2 != 0)


def test_star_is_full_by_one_rule_and_has_a_hole_by_the_other():
    assert painted(STAR)[10, 10]
    assert not painted(STAR, "even-odd")[10, 10]
    assert painted(STAR, "even-odd")[3, 10]


@pytest.mark.parametrize("points", [[], [[1, 1]], [[1, 1], [9, 9]], [[30, 1], [40, 1], [40, 9]]])
def test_outline_without_area_or_outside_the_image_paints_nothing(points):
    assert not painted(points).any()


def test_outline_that_goes_around_many_times_is_still_inside():
    square = np.array([[1, 1], [5, 1], [5, 5], [1, 5.0]])
    assert painted(np.tile(square, (12_500, 1)))[2, 2]
    assert not painted(np.tile(square, (12_500, 1)), "even-odd")[2, 2]


def test_jagged_outline_is_rejected_before_memory_is_allocated():
    points = np.array([[0, 0], [1, 4000.0]] * 10_000)
    with pytest.raises(AnnotationError, match="jagged"):
        painted(points, shape=(4000, 4))


@pytest.mark.parametrize("degrees", [0, 30, 90, 200, -45])
def test_turned_box_is_what_opencv_draws(degrees):
    labels, expected = np.zeros((60, 60), np.uint8), np.zeros((600, 600), np.uint8)
    paint_box(labels, (20, 25, 45, 40), 1, degrees)
    corners = cv2.boxPoints(((325, 325), (250, 150), degrees))
    cv2.fillPoly(expected, [np.rint(corners).astype(np.int32)], 1)
    assert (labels != expected[5::10, 5::10]).mean() < 0.003


def test_box_turns_clockwise_around_its_pivot():
    labels = np.zeros((10, 10), np.uint8)
    paint_box(labels, (5, 5, 9, 7), 1, 90, pivot=(5, 5))
    expected = np.zeros((10, 10), np.uint8)
    expected[5:9, 3:5] = 1
    np.testing.assert_array_equal(labels, expected)


@pytest.mark.parametrize("degrees", [0, 30, 90])
def test_turned_ellipse_is_what_opencv_draws(degrees):
    labels, expected = np.zeros((60, 60), np.uint8), np.zeros((600, 600), np.uint8)
    paint_ellipse(labels, (32.7, 30.2), (20, 8), 1, degrees)
    cv2.ellipse(expected, (327, 302), (200, 80), degrees, 0, 360, 1, -1)
    assert (labels != expected[5::10, 5::10]).mean() < 0.003
    assert labels.sum() == pytest.approx(np.pi * 160, rel=0.02)


def test_ellipse_is_cut_at_the_edge_of_the_image_and_needs_two_radii():
    labels = np.zeros((4, 4), np.uint8)
    paint_ellipse(labels, (0, 0), (9, 9), 1)
    assert labels.all()
    paint_ellipse(labels, (2, 2), (0, 9), 2)
    paint_ellipse(labels, (50, 50), (9, 9), 2)
    assert (labels == 1).all()
