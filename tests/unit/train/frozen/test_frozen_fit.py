"""A head on features: it learns what they hold, and the same seed gives the same head."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from components.contracts.data.records import INDEX
from components.train.frozen import fit
from components.train.frozen.features import Features
from components.train.frozen.fit import HeadPredictor, fit_head
from components.train.frozen.settings import HeadSettings
from components.train.objectives.class_weights import log_weights

IDS = [f"image{n}" for n in range(4)]
SETTINGS = HeadSettings(width=8, steps=60, batch_size=2, learning_rate=0.02, dropout=0)


@pytest.fixture
def bed(tmp_path: Path) -> tuple[Features, dict[str, np.ndarray]]:
    """Four images of two halves; the sign of the first channel is the class: 0 or 13."""
    rng = np.random.default_rng(0)
    maps = rng.normal(size=(4, 6, 8, 3)).astype(np.float16)
    maps[:, :3, :, 0], maps[:, 3:, :, 0] = 1, -1
    maps[2:, :, :, 0] *= -1
    np.save(tmp_path / "maps.npy", maps)
    np.save(tmp_path / "means.npy", maps.mean((1, 2), dtype=np.float32))
    (tmp_path / INDEX).write_text(json.dumps(IDS))
    classes = np.where(maps[..., 0] > 0, 13, 0)
    labels = np.eye(19, dtype=np.float16)[classes]
    return Features(tmp_path), dict(zip(IDS, labels, strict=True))


@pytest.fixture
def learned(monkeypatch: pytest.MonkeyPatch) -> list[np.ndarray]:
    """The labels of each step of a fit, which learns nothing from them."""
    seen: list[np.ndarray] = []
    monkeypatch.setattr(fit, "_step", lambda *built: lambda maps, truth: seen.append(truth.numpy()))
    return seen


def test_a_head_learns_what_the_features_hold(
    bed: tuple[Features, dict[str, np.ndarray]],
) -> None:
    features, labels = bed
    done: list[int] = []
    head = fit_head(features, labels, SETTINGS, 0, done.append)
    assert done == list(range(1, 61))
    predictor = HeadPredictor(head)
    right = [
        (predictor.classes(features.read([i])[0], (6, 8)) == labels[i].argmax(-1)).mean()
        for i in IDS
    ]
    assert np.mean(right) > 0.9
    probabilities = predictor.probabilities(features.read(IDS))
    assert probabilities.shape == (4, 6, 8, 19)
    np.testing.assert_allclose(probabilities.sum(-1), 1, rtol=1e-5)


def test_the_seed_decides(bed: tuple[Features, dict[str, np.ndarray]]) -> None:
    features, labels = bed
    few = SETTINGS.model_copy(update={"steps": 2})
    one, again, other = (
        fit_head(features, labels, few, seed).get_weights()[0] for seed in (1, 1, 2)
    )
    np.testing.assert_array_equal(one, again)
    assert np.abs(one - other).max() > 0.01


def test_pixels_without_a_label_teach_nothing(
    bed: tuple[Features, dict[str, np.ndarray]],
) -> None:
    features, labels = bed
    few = SETTINGS.model_copy(update={"steps": 1, "weight_decay": 0.0})
    nothing = {i: np.zeros_like(label) for i, label in labels.items()}
    before = fit_head(features, nothing, few, 3).get_weights()
    after = fit_head(features, labels, few, 3).get_weights()
    untouched = fit_head(features, nothing, few.model_copy(update={"steps": 2}), 3).get_weights()
    np.testing.assert_array_equal(before[0], untouched[0])
    assert np.abs(after[0] - before[0]).max() > 0


def test_rare_classes_count_more_by_all_labels_of_the_fit(
    bed: tuple[Features, dict[str, np.ndarray]], monkeypatch: pytest.MonkeyPatch
) -> None:
    features, labels = bed
    few = {i: label.copy() for i, label in labels.items()}
    for image_id in IDS[1:]:
        few[image_id][..., 13] = 0  # an eighth of what is left is of class 13
    seen: list[np.ndarray] = []

    def step(head: object, optimizer: object, weights: np.ndarray) -> object:
        seen.append(weights)
        return lambda maps, truth: None

    monkeypatch.setattr(fit, "_step", step)
    for offset in (None, 1.02):
        fit_head(features, few, SETTINGS.model_copy(update={"class_weights_offset": offset}), 0)
    areas = np.zeros(19)
    areas[[0, 13]] = 4 * 24, 24
    np.testing.assert_array_equal(seen[0], np.ones(19))
    np.testing.assert_allclose(seen[1], log_weights(areas, 1.02), rtol=1e-6)
    assert seen[1][13] > 2 * seen[1][0]


def test_images_are_drawn_by_their_labeled_area(
    bed: tuple[Features, dict[str, np.ndarray]], learned: list[np.ndarray]
) -> None:
    features, labels = bed
    few = {i: label.copy() for i, label in labels.items()}
    for image_id in IDS[2:]:
        few[image_id][1:] = 0  # a sixth is labeled
    fit_head(features, few, SETTINGS.model_copy(update={"steps": 300, "crop": 1.0}), 0)
    areas = np.concatenate(learned).sum((1, 2, 3)) / 48
    assert (areas < 0.5).mean() == pytest.approx((1 / 6) / (1 + 1 / 6), abs=0.05)


def test_every_crop_holds_a_label_where_little_is_labeled(
    bed: tuple[Features, dict[str, np.ndarray]], learned: list[np.ndarray]
) -> None:
    features, labels = bed
    few = {i: np.zeros_like(label) for i, label in labels.items()}
    for place, image_id in enumerate(IDS):
        few[image_id][2, 2 * place] = labels[image_id][2, 2 * place]
    fit_head(features, few, SETTINGS.model_copy(update={"crop": 0.25}), 0)
    truth = np.concatenate(learned)
    assert truth.shape == (120, 6, 2, 19)
    assert (truth.sum((1, 2, 3)) == 1).all()
