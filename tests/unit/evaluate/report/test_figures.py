"""The figures and pictures of the reports."""

import cv2
import numpy as np
import pytest

from components.contracts.page.pictures import overlay, to_png
from components.contracts.process.errors import StreetloopError
from components.contracts.scores.summary import summarize
from components.evaluate.calibration import Calibration
from components.evaluate.explain import Examples
from components.evaluate.report import figures, pictures
from components.evaluate.report.learning_curve import learning_curve_figure


def _decode(png):
    return cv2.imdecode(np.frombuffer(png, np.uint8), cv2.IMREAD_COLOR)


def test_figures_are_pngs_and_reproducible():
    rng = np.random.default_rng(0)
    matrix = rng.integers(0, 9, (19, 20))
    calibration = Calibration()
    calibration.update(rng.random(100), rng.random(100) < 0.5)
    makers = [
        lambda: figures.confusion_figure(matrix),
        lambda: figures.class_iou_figure(summarize(matrix)),
        lambda: figures.reliability_figure(calibration.scores()),
        lambda: learning_curve_figure({"random": [(10, 0.2), (20, 0.4)], "none": []}),
    ]  # fmt: skip
    for make in makers:
        assert _decode(make()).std() > 5
    assert makers[3]() == makers[3]()


def test_figures_of_no_pixel_are_empty():
    assert _decode(figures.confusion_figure(np.zeros((19, 19)))) is not None
    assert _decode(figures.class_iou_figure(summarize(np.zeros((19, 19))))) is not None
    assert _decode(figures.reliability_figure(Calibration().scores())) is not None
    assert _decode(learning_curve_figure({"random": []})) is not None
    assert _decode(learning_curve_figure({})) is not None


def test_busiest_window_holds_the_mistakes_that_highlight_paints():
    truth = np.full((20, 40), 0, np.uint8)
    prediction = truth.copy()
    prediction[15:18, 30:34] = 13
    prediction[0, 0] = prediction[15, 29] = 255
    mask = pictures.mixed_up(truth, prediction, 0, 13)
    assert mask.sum() == 12
    assert pictures.mixed_up(truth, prediction, 0, 19).sum() == 2
    rows, columns = pictures.busiest(mask)
    assert mask[rows, columns].sum() == 12
    assert mask[rows, columns].shape == (10, 20)
    painted = pictures.highlight(np.zeros((20, 40, 3), np.uint8), mask)
    assert (painted[mask] == painted[15, 30]).all()
    assert (painted[~mask] != painted[15, 30]).any(axis=-1).all()
    assert pictures.busiest(np.ones((1, 1), bool)) == (slice(0, 1), slice(0, 1))


def test_examples_keep_the_image_with_most_pixels_of_a_pair():
    examples = Examples()
    for name, pixels in (("a", 2), ("b", 5), ("c", 5), ("d", 1)):
        matrix = np.zeros((19, 20), np.int64)
        matrix[0, 13], matrix[1, 19] = pixels, 6 - pixels
        examples.add(name, matrix)
    assert examples.of(0, 13) == "b"
    assert examples.of(1, 19) == "d"
    assert examples.of(2, 3) is None


def test_overlay_mixes_colours_and_keeps_ignored_pixels():
    image = np.full((1, 2, 3), 100, np.uint8)
    out = overlay(image, np.array([[0, 255]], np.uint8), alpha=0.5)
    assert out.tolist() == [[[114, 82, 114], [100, 100, 100]]]  # road is (128, 64, 128)
    with pytest.raises(StreetloopError, match="like its label map"):
        overlay(image, np.zeros((2, 2), np.uint8))


def test_error_map_paints_wrong_right_and_ignored_pixels_differently():
    truth = np.array([[0, 0, 255]], np.uint8)
    wrong, right, ignored = pictures.error_map(truth, np.array([[1, 0, 1]], np.uint8))[0].tolist()
    assert wrong[0] > 2 * wrong[1]
    assert min(right) > 200
    assert max(ignored) < 200
    picture = pictures.error_map(truth, truth)
    assert _decode(to_png(picture))[..., ::-1].tolist() == picture.tolist()
