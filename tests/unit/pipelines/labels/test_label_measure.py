"""The measures of confident learning: values by hand, and the ranking of cleanlab on the same data."""

from __future__ import annotations

import math

import numpy as np
import pytest

from pipelines.labels.measure import Judged, Statistics, judge, quality
from pipelines.labels.regions import regions_of
from tfds_cityscapes.labels import NUM_CLASSES

ROAD, SKY, CAR = 0, 10, 13


def probabilities_of(rows: list[list[dict[int, float]]]) -> np.ndarray:
    result = np.zeros((len(rows), len(rows[0]), NUM_CLASSES), np.float32)
    for y, row in enumerate(rows):
        for x, pixel in enumerate(row):
            for train_id, probability in pixel.items():
                result[y, x, train_id] = probability
    return result


def streets(images: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Labels [N, 24, 32] of three stripes, and probabilities [N, 24, 32, 19] of a model that knows them.

    Every class is labeled in every image, so that cleanlab's thresholds exist for each.
    """
    rng = np.random.default_rng(seed)
    labels = np.broadcast_to((np.arange(24) * 19 // 24)[:, None], (images, 24, 32)).astype(np.uint8)
    labels = labels.copy()
    labels[:, 0, :NUM_CLASSES] = np.arange(NUM_CLASSES)
    logits = rng.normal(size=(*labels.shape, NUM_CLASSES)) + 5 * np.eye(NUM_CLASSES)[labels]
    raised = np.exp(logits)
    return labels, (raised / raised.sum(-1, keepdims=True)).astype(np.float32)


def rule_and_qualities(labels: np.ndarray, probabilities: np.ndarray) -> tuple[Statistics, list]:
    statistics = Statistics()
    judged = [judge(*pair) for pair in zip(labels, probabilities, strict=True)]
    for one in judged:
        statistics.add(one)
    return statistics, judged


def test_quality_is_the_softmin_of_the_labeled_classes_probabilities() -> None:
    label = np.array([[ROAD, SKY, 255]], np.uint8)
    probabilities = probabilities_of([[{ROAD: 0.9, SKY: 0.1}, {SKY: 0.4, CAR: 0.6}, {CAR: 1.0}]])
    found = judge(label, probabilities)
    np.testing.assert_allclose(found.own, [[0.9, 0.4, 1.0]], rtol=1e-6)
    assert found.predicted.tolist() == [[ROAD, CAR, CAR]]
    assert found.differs.tolist() == [[False, True, False]]
    # Weights exp(0.1 / 0.1) and exp(0.6 / 0.1); the ignored pixel has none.
    weights = math.exp(1), math.exp(6)
    assert quality(found) == pytest.approx(
        (0.9 * weights[0] + 0.4 * weights[1]) / sum(weights), rel=1e-6
    )


def test_a_label_map_without_a_class_has_nothing_wrong() -> None:
    found = judge(np.full((2, 2), 255, np.uint8), np.full((2, 2, NUM_CLASSES), 1 / 19, np.float32))
    assert quality(found) == 1.0
    statistics = Statistics()
    statistics.add(found)
    rule = statistics.rule()
    assert rule.expected == 0
    assert not rule.suspect(found).any()


def test_the_rule_by_hand() -> None:
    # Road is labeled with 0.9, 0.7 and 0.2: threshold 0.6. Sky with 0.8 and 0.45: 0.625.
    label = np.array([[ROAD, ROAD, ROAD, SKY, SKY]], np.uint8)
    probabilities = probabilities_of(
        [
            [
                {ROAD: 0.9, SKY: 0.1},
                {ROAD: 0.7, SKY: 0.3},
                {ROAD: 0.2, SKY: 0.8},  # as sky: 0.8 >= 0.625, so this one is counted
                {SKY: 0.8, ROAD: 0.2},
                {SKY: 0.45, ROAD: 0.55},  # as road: 0.55 < 0.6, so this one is not
            ]
        ]
    )
    statistics, (judged,) = rule_and_qualities(label[None], probabilities[None])
    rule = statistics.rule()
    assert rule.thresholds[[ROAD, SKY]] == pytest.approx([0.6, 0.625])
    assert rule.expected == 1
    assert rule.suspect(judged).tolist() == [[False, False, True, False, False]]


def test_a_planted_region_is_ranked_first_and_found_in_its_place() -> None:
    labels, probabilities = streets(8)
    labels[5, 10:16, 4:12] = CAR  # 48 pixels; rows 10 to 15 are of classes 7 to 11
    statistics, judged = rule_and_qualities(labels, probabilities)
    rule = statistics.rule()
    qualities = [quality(one) for one in judged]
    regions = [regions_of(one, rule.suspect(one)) for one in judged]
    assert int(np.argmin(qualities)) == 5
    scores = [sum(r.score for r in found) for found in regions]
    assert int(np.argmax(scores)) == 5
    assert scores[5] > 5 * sorted(scores)[-2]
    planted = np.zeros((24, 32), bool)
    planted[10:16, 4:12] = True
    suspect = rule.suspect(judged[5])
    # About half: a pixel counts if it is as sure as the mean of its predicted class.
    assert suspect[planted].mean() > 0.5
    assert suspect[~planted].mean() < 0.05
    assert all(region.labeled == CAR for region in regions[5][:3])


def test_regions_by_hand() -> None:
    label = np.zeros((20, 50), np.uint8)
    predicted = label.copy()
    predicted[2:6, 3:13] = SKY  # 40 pixels
    predicted[10:12, 20:25] = CAR  # 10 pixels
    predicted[12:13, 25:26] = CAR  # touches at a corner: the same region
    own = np.full(label.shape, 0.25, np.float32)
    confidence = np.where(predicted == SKY, 0.5, 0.75).astype(np.float32)
    judged = Judged(label, own, predicted, confidence)
    sky, car = regions_of(judged, judged.differs)
    assert (sky.labeled, sky.predicted, sky.pixels, sky.box) == (ROAD, SKY, 40, (2, 3, 6, 13))
    assert sky.score == pytest.approx(40 * 0.25 / 1000)
    assert (car.labeled, car.predicted, car.pixels, car.box) == (ROAD, CAR, 11, (10, 20, 13, 26))
    assert car.score == pytest.approx(11 * 0.5 / 1000)


def test_regions_leaves_out_what_is_smaller_than_a_thousandth() -> None:
    label = np.zeros((50, 50), np.uint8)
    predicted = label.copy()
    predicted[4, 4:6] = SKY  # 2 of 2,500 pixels
    predicted[20, 4:7] = SKY  # 3
    ones = np.ones(label.shape, np.float32)
    judged = Judged(label, 0 * ones, predicted, ones)
    assert [region.pixels for region in regions_of(judged, judged.differs)] == [3]


def test_scores_and_suspects_are_those_of_cleanlab() -> None:
    peer = pytest.importorskip("cleanlab.segmentation.rank", reason="cleanlab is not installed")
    issues = pytest.importorskip("cleanlab.segmentation.filter")
    labels, probabilities = streets(6)
    rng = np.random.default_rng(1)
    for image in range(6):
        labels[image, 8:12, : 4 * image] = rng.integers(NUM_CLASSES)
    channels_first = np.moveaxis(probabilities, -1, 1)
    expected, _ = peer.get_label_quality_scores(labels, channels_first, verbose=False)
    statistics, judged = rule_and_qualities(labels, probabilities)
    np.testing.assert_allclose([quality(one) for one in judged], expected, rtol=1e-5)
    theirs = issues.find_label_issues(labels.astype(int), channels_first, n_jobs=1, verbose=False)
    rule = statistics.rule()
    ours = np.stack([rule.suspect(one) for one in judged])
    assert theirs.sum() > 100
    assert (ours != theirs).mean() < 0.001
