import math

import numpy as np
import pytest

from components.contracts.process.errors import StreetloopError
from components.contracts.scores.confusion import LabelMapError, confusion_matrix
from components.contracts.scores.metrics import (
    CATEGORY_NAMES,
    category_iou,
    class_dice,
    class_iou,
    frequency_weighted_iou,
    mean_accuracy,
    mean_dice,
    mean_iou,
    mean_iou_of_either,
    pixel_accuracy,
)
from components.contracts.scores.summary import ClassScores, summarize
from components.evaluate.calibration import Calibration
from components.evaluate.explain import WorstImages, most_confused

ROAD, SIDEWALK, CAR, TRUCK = 0, 1, 13, 14


def _matrix(cells, columns=19):
    matrix = np.zeros((19, columns), np.int64)
    for (row, column), pixels in cells.items():
        matrix[row, column] = pixels
    return matrix


# Road: 6 of 8 right, 2 taken for sidewalk. Sidewalk: 3 of 4, 1 taken for car. No car is labeled.
EXAMPLE = _matrix(
    {(ROAD, ROAD): 6, (ROAD, SIDEWALK): 2, (SIDEWALK, SIDEWALK): 3, (SIDEWALK, CAR): 1}
)


def test_confusion_matrix_counts_truth_in_rows_and_skips_ignored_pixels():
    truth = np.array([[0, 0, 1], [255, 18, 1]], np.uint8)
    prediction = np.array([[0, 1, 1], [7, 18, 1]], np.uint8)
    matrix = confusion_matrix(truth, prediction)
    assert matrix.dtype == np.int64
    assert matrix.tolist() == _matrix({(0, 0): 1, (0, 1): 1, (1, 1): 2, (18, 18): 1}).tolist()


def test_confusion_matrix_of_ignored_pixels_is_zero():
    truth = np.full((4, 4), 255, np.uint8)
    assert confusion_matrix(truth, np.zeros_like(truth)).sum() == 0


@pytest.mark.parametrize(
    ("truth", "prediction", "message"),
    [
        (np.zeros((2, 2), int), np.zeros((2, 3), int), "shape"),
        (np.full((2, 2), 26), np.zeros((2, 2), int), r"labels.*26"),
        (np.zeros((2, 2), int), np.full((2, 2), 255), r"prediction.*255"),
        (np.zeros((2, 2), int), np.full((2, 2), -1), r"prediction.*-1"),
    ],
)
def test_confusion_matrix_rejects_wrong_maps(truth, prediction, message):
    with pytest.raises(LabelMapError, match=message):
        confusion_matrix(truth, prediction)


def test_metrics_equal_those_by_hand():
    iou = class_iou(EXAMPLE)
    assert iou[ROAD] == pytest.approx(6 / 8)
    assert iou[SIDEWALK] == pytest.approx(3 / 6)
    assert iou[CAR] == 0
    assert math.isnan(iou[TRUCK])
    assert mean_iou(EXAMPLE) == pytest.approx((6 / 8 + 3 / 6) / 2)
    assert class_dice(EXAMPLE)[ROAD] == pytest.approx(12 / 14)
    assert mean_dice(EXAMPLE) == pytest.approx((12 / 14 + 6 / 9) / 2)
    assert pixel_accuracy(EXAMPLE) == pytest.approx(9 / 12)
    assert mean_accuracy(EXAMPLE) == pytest.approx((6 / 8 + 3 / 4) / 2)
    assert frequency_weighted_iou(EXAMPLE) == pytest.approx((8 * 6 / 8 + 4 * 3 / 6) / 12)


def test_mean_iou_of_either_counts_a_class_that_only_one_map_contains():
    assert mean_iou_of_either(EXAMPLE) == pytest.approx((6 / 8 + 3 / 6 + 0) / 3)
    assert mean_iou_of_either(EXAMPLE.T) == mean_iou_of_either(EXAMPLE)
    assert mean_iou_of_either(_matrix({})) is None


def test_category_iou_forgives_mistakes_inside_a_category():
    flat = category_iou(EXAMPLE)[CATEGORY_NAMES.index("flat")]
    assert flat == pytest.approx(11 / 12)
    inside = _matrix({(CAR, TRUCK): 5})
    assert category_iou(inside)[CATEGORY_NAMES.index("vehicle")] == 1
    assert mean_iou(inside) == 0


def test_ignored_predictions_are_misses_but_no_false_alarms():
    matrix = _matrix({(ROAD, ROAD): 3, (ROAD, 19): 1}, columns=20)
    assert class_iou(matrix)[ROAD] == pytest.approx(3 / 4)
    assert pixel_accuracy(matrix) == pytest.approx(3 / 4)
    assert category_iou(matrix)[CATEGORY_NAMES.index("flat")] == pytest.approx(3 / 4)


def test_metrics_are_one_at_best_and_zero_at_worst():
    perfect, worst = np.diag(np.arange(1, 20)), np.roll(np.diag(np.arange(1, 20)), 1, axis=1)
    for score in (mean_iou, mean_dice, pixel_accuracy, mean_accuracy, frequency_weighted_iou):
        assert score(perfect) == 1
        assert score(worst) == 0


def test_summary_of_nothing_is_undefined_not_zero():
    scores = summarize(np.zeros((19, 19), np.int64))
    assert (scores.miou, scores.pixel_accuracy, scores.mean_accuracy) == (None, None, None)
    assert (scores.dice, scores.frequency_weighted_iou, scores.category_iou) == (None, None, None)
    assert scores.classes["road"] == ClassScores(iou=None, dice=None, accuracy=None, pixels=0)
    assert scores.categories["sky"] is None


def test_summary_holds_the_scores_of_each_class():
    scores = summarize(EXAMPLE, dice_image_mean=0.5)
    assert (scores.miou, scores.dice_image_mean, scores.pixels) == (mean_iou(EXAMPLE), 0.5, 12)
    sidewalk = scores.classes["sidewalk"]
    assert (sidewalk.iou, sidewalk.accuracy, sidewalk.pixels) == (0.5, 0.75, 4)


def test_summary_rejects_another_shape():
    with pytest.raises(StreetloopError, match=r"\[34, 34\].*\[19, 19\]"):
        summarize(np.zeros((34, 34), np.int64))


def test_most_confused_leads_with_the_largest_share():
    matrix = _matrix({(ROAD, ROAD): 900, (ROAD, SIDEWALK): 100, (TRUCK, CAR): 3, (TRUCK, TRUCK): 1})
    first, second = most_confused(matrix)
    assert (first.truth, first.predicted, first.share) == ("truck", "car", 0.75)
    assert first.words == "75.0 % of truck is taken for car (3 pixels)."
    assert second.truth == "road"
    assert len(most_confused(np.ones((19, 19), np.int64))) == 10


def test_worst_images_keeps_the_lowest_in_any_order():
    images = {f"ulm_{n}": _matrix({(ROAD, ROAD): n, (ROAD, CAR): 10 - n}) for n in range(8)}
    images["twin"] = images["ulm_1"]
    images["empty"] = _matrix({})
    orders = [list(images), list(images)[::-1]]
    for order in orders:
        worst = WorstImages(3)
        for name in order:
            worst.add(name, images[name])
        assert [image.image_id for image in worst.list()] == ["ulm_0", "twin", "ulm_1"]
        none = WorstImages(0)
        none.add("ulm_0", images["ulm_0"])
        assert none.list() == []
    assert worst.list()[0].words == "Worst class: road, IoU 0.0 %, mostly taken for car."


def test_calibration_equals_the_formula_by_hand():
    calibration = Calibration()
    assert calibration.ece() is None
    calibration.update(np.array([0.22, 0.24]), np.array([True, False]))
    calibration.update(np.array([0.96, 1.0]), np.array([True, True]))
    # Bins [3/15, 4/15) and [14/15, 1]: accuracies 1/2 and 1, confidences .23 and .98, half the
    # pixels each.
    assert calibration.ece() == pytest.approx(0.5 * 0.27 + 0.5 * 0.02)
    bins = calibration.scores().bins
    assert [one.pixels for one in bins] == [2 if number in (3, 14) else 0 for number in range(15)]
    assert bins[14].confidence == pytest.approx(0.98)


def test_calibration_in_parts_equals_calibration_in_one_call():
    rng = np.random.default_rng(0)
    confidence, correct = rng.random((4, 50)), rng.random((4, 50)) < 0.6
    streamed, whole = Calibration(), Calibration()
    whole.update(confidence, correct)
    for row, outcome in zip(confidence, correct, strict=True):
        streamed.update(row, outcome)
    assert streamed.ece() == pytest.approx(whole.ece(), abs=1e-12)


@pytest.mark.parametrize("value", [float("nan"), -0.1, 3.0])
def test_calibration_rejects_values_outside_0_to_1(value):
    with pytest.raises(StreetloopError, match=r"\[0, 1\]"):
        Calibration().update(np.array([value]), np.array([True]))
