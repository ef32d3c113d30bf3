"""The discriminator of a stored model: how real a prediction looks, and when there is no telling."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

from components.contracts.model.files import GENERATOR_FILE, ModelError, save_model
from components.contracts.model.judge import Judge, load_judge

MODEL = next((Path(__file__).parents[3] / "fixtures" / "campaigns" / "v0.1" / "models").iterdir())
TRAINED = {"train": {"objectives": {"adversarial_labeled": 0.0, "adversarial_unlabeled": 0.001}}}
UNTRAINED = {"train": {"objectives": {"adversarial_labeled": 0.0, "consistency": 0.5}}}

# TensorFlow 2.21's tensors do not know NumPy's `copy` argument yet; Keras meets it when it saves.
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation doesn't accept a copy")


def pixelwise(channels: int, out: int, *weights: float) -> keras.Model:
    """A network whose every output is the weighted sum of a pixel's first channels."""
    kernel = np.zeros((1, 1, channels, out), np.float32)
    kernel[0, 0, : len(weights)] = np.array(weights)[:, None]
    inputs = keras.Input((None, None, channels))
    layer = keras.layers.Conv2D(out, 1, use_bias=False)
    model = keras.Model(inputs, layer(inputs))
    layer.set_weights([kernel])
    return model


def saved(folder: Path, discriminator: Any, recipe: dict[str, Any]) -> Path:
    save_model(folder, pixelwise(3, 19), discriminator, recipe=recipe, ledger_version=0)
    return folder


def test_a_judge_returns_a_logit_per_pixel_of_an_image_of_any_size() -> None:
    probabilities = np.random.default_rng(0).dirichlet(np.ones(19), (5, 40)).astype(np.float32)
    found = Judge(pixelwise(19, 1, 3.0, -2.0)).logits(probabilities, np.zeros((5, 40, 3), np.uint8))
    assert found.dtype == np.float32
    expected = 3 * probabilities[..., 0] - 2 * probabilities[..., 1]
    np.testing.assert_allclose(found, expected, atol=1e-6)


def test_a_judge_that_sees_the_image_gets_it() -> None:
    maps, image = keras.Input((None, None, 19)), keras.Input((None, None, 3))
    red = keras.layers.Conv2D(1, 1, kernel_initializer="ones", use_bias=False)(image)
    model = keras.Model([maps, image], red)
    picture = np.arange(4 * 6 * 3, dtype=np.uint8).reshape(4, 6, 3)
    found = Judge(model).logits(np.zeros((4, 6, 19), np.float32), picture)
    np.testing.assert_allclose(found, picture.sum(-1), rtol=1e-6)


def test_the_judge_of_an_old_model_loads_and_its_file_decides() -> None:
    """On a map of the size that it was trained with, it is the stored network, bit for bit."""
    network = keras.models.load_model(MODEL / "discriminator.keras", compile=False)
    maps = np.eye(19, dtype=np.float32)[np.random.default_rng(0).integers(0, 19, (64, 128))]
    found = load_judge(MODEL).logits(maps, np.zeros((64, 128, 3), np.uint8))
    np.testing.assert_allclose(found, network(maps[None]).numpy()[0, ..., 0], atol=1e-5)


def test_a_model_without_a_trained_discriminator_is_refused(tmp_path: Path) -> None:
    assert load_judge(saved(tmp_path / "good", pixelwise(19, 1), TRAINED))
    cases: list[tuple[str, Any, dict[str, Any], str]] = [
        ("none", None, TRAINED, "has no discriminator. Train a new model"),
        ("untrained", pixelwise(19, 1), UNTRAINED, "was not trained.* Set train.objectives"),
        ("silent", pixelwise(19, 1), {}, "was not trained"),
        ("other", pixelwise(19, 2), TRAINED, "is not a discriminator: its shapes"),
    ]
    for name, network, recipe, message in cases:
        with pytest.raises(ModelError, match=message):
            load_judge(saved(tmp_path / name, network, recipe))
    with pytest.raises(ModelError, match="is not a model's folder"):
        load_judge(MODEL / GENERATOR_FILE)
    shutil.copytree(MODEL, tmp_path / "damaged")
    with (tmp_path / "damaged" / "discriminator.keras").open("ab") as file:
        file.write(b"x")
    with pytest.raises(ModelError, match=r"discriminator.keras is missing or damaged"):
        load_judge(tmp_path / "damaged")
