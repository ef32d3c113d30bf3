"""What a pull from CVAT writes, and the masks that a push sends."""

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from components.contracts.annotation import KnownImages, Limits, Skipped, read_bytes
from components.contracts.annotation.cvat_jobs import shapes_of
from tests.support.annotation_files import (
    CVAT_CAR,
    CVAT_ROAD,
    EXPECTED,
    HEIGHT,
    WIDTH,
    cvat_frame,
    cvat_frames,
    only,
)

KNOWN = KnownImages({"a_1": (HEIGHT, WIDTH), "b_color": (HEIGHT, WIDTH)})


def read(*frames: dict):
    data = json.dumps(cvat_frames(*frames)).encode()
    return read_bytes("cvat_1_7.json", data, Limits(), "nobody", KNOWN)


def test_cvat_jobs_paints_by_z_order_and_says_who_labeled_it_and_when():
    annotation = only(read(cvat_frame()))
    np.testing.assert_array_equal(annotation.train_ids, EXPECTED)
    assert (annotation.image_id, annotation.annotator) == ("a_1", "eve")
    assert annotation.created_at == "2026-01-02T03:04:05.678900+00:00"
    assert only(read(cvat_frame(CVAT_CAR | {"z_order": 0}, CVAT_ROAD))).train_ids[2, 1] == 0
    assert only(read(cvat_frame(annotator=None))).annotator == "unknown"
    assert only(read(cvat_frame(name="b_color.png"))).image_id == "b_color"


def test_cvat_jobs_paints_rectangles_and_ellipses_and_leaves_out_what_has_no_area():
    box = {"type": "rectangle", "label": "car", "points": [0, 1, 3, 2], "rotation": 90}
    line = {"type": "polyline", "label": "unicorn", "points": [0, 0, 1, 1]}
    assert only(read(cvat_frame(box, line))).train_ids.tolist() == [[255, 13, 255, 255]] * 3
    ellipse = {"type": "ellipse", "label": "sky", "points": [2, 1.5, 4, 0]}
    painted = only(read(cvat_frame(ellipse))).train_ids
    assert painted[1].tolist() == [10] * 4
    assert painted[[0, 0, 2, 2], [0, 3, 0, 3]].tolist() == [255] * 4


def test_cvat_jobs_reads_a_deleted_frame_as_a_skipped_image():
    batch = read(cvat_frame(deleted=True), cvat_frame(name="b_color.png"))
    assert batch.skipped == (Skipped("a_1", "eve", ""),)
    assert [a.image_id for a in batch.annotations] == ["b_color"]


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"type": "polygon", "points": [0, 0, 2]}, "x and y"),
        ({"type": "polygon", "points": [0, 0, 2, "x"]}, '"x"'),
        ({"type": "polygon", "label": "unicorn"}, "unicorn"),
        ({"type": "cuboid"}, '"cuboid"'),
        ({"type": "rectangle", "points": [0, 0, 2]}, "two corners"),
        ({"points": [1, 2]}, "damaged"),
        ({"points": [0, 3, 1, 2, 2, 2]}, "damaged"),
        ({"points": [0, 2, 1, 2, 4, 2]}, "width"),
        ({"points": [0, 2, 3, 2, 1, 2]}, "width"),
        ({"points": [0.5, 2, 1, 2, 2, 2]}, "whole number"),
        ({"z_order": "high"}, "z_order"),
        ({"rotation": None, "type": "rectangle", "points": [0, 0, 1, 1]}, "rotation"),
    ],
)
def test_cvat_jobs_rejects_a_frame_with_a_shape_that_it_cannot_paint(change, reason):
    batch = read(cvat_frame(CVAT_CAR | change), cvat_frame(name="b_color.png"))
    assert len(batch.annotations) == 1
    (refusal,) = batch.refusals
    assert reason in refusal.reason
    assert 'job 7, "a_1.png"' in refusal.name


@pytest.mark.parametrize(
    ("frame", "reason"),
    [
        (cvat_frame(tracks=2), "as shapes"),
        (cvat_frame(height=0), "height"),
        (cvat_frame(name=None), "no name"),
        ([], "a frame"),
    ],
)
def test_cvat_jobs_rejects_a_frame_that_it_cannot_place(frame, reason):
    assert reason in read(frame).refusals[0].reason


def test_cvat_jobs_writes_a_mask_as_runs_within_its_box():
    train_ids = np.full((3, 5), 255, np.uint8)
    train_ids[1, 1:4] = 13
    train_ids[2, 2] = 13
    assert shapes_of(train_ids) == [
        {"label": "car", "type": "mask", "points": [0, 3, 1, 1, 1, 1, 1, 3, 2]}
    ]
    assert shapes_of(np.full((3, 5), 255, np.uint8)) == []


@settings(max_examples=50, deadline=None)
@given(arrays(np.uint8, (HEIGHT, WIDTH), elements=st.sampled_from([0, 5, 18, 255])))
def test_cvat_jobs_reads_the_masks_that_it_writes(train_ids):
    shapes = shapes_of(train_ids)
    if shapes:
        np.testing.assert_array_equal(only(read(cvat_frame(*shapes))).train_ids, train_ids)
