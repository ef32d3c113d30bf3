"""A frozen encoder: nothing of it moves, everything else does, and it costs no gradient."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf
from pydantic import ValidationError

from components.contracts.model.files import load_generator, save_model
from components.contracts.recipe.networks import EncoderSettings
from components.contracts.recipe.train import TrainSettings
from components.train.checkpoint import Checkpoint
from components.train.fit import fit
from components.train.networks.generator import DECODER_PREFIXES, build_generator, split_generator
from components.train.networks.networks import Networks, build_networks
from components.train.objectives.views import halves_of, predict
from components.train.train_step import make_train_step
from tests.support.fits import SIZE, data_of, settings_of

# TensorFlow 2.21's tensors do not know NumPy's `copy` argument yet; Keras meets it when it saves.
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation doesn't accept a copy")


def frozen(**changes: Any) -> TrainSettings:
    """Return settings of a tiny network with a frozen encoder, though a recipe refuses this encoder."""
    settings = settings_of(**changes)
    encoder = settings.network.encoder.model_copy(update={"trainable": False})
    network = settings.network.model_copy(update={"encoder": encoder})
    return settings.model_copy(update={"network": network})


def batch() -> dict[str, tf.Tensor]:
    rng = np.random.default_rng(5)
    out = {
        name: tf.constant(rng.integers(0, 256, (2, *SIZE, 3)), tf.float32)
        for name in ("image", "weak", "strong")
    }
    out |= {name: tf.constant(rng.random((2, *SIZE)) < 0.2) for name in ("padding", "cutmix")}
    return out | {"label": tf.constant(rng.integers(0, 19, (2, *SIZE)), tf.int32)}


def weights_of(model: keras.Model, encoder: bool) -> dict[str, np.ndarray]:
    """Return copies of the weights and statistics of one half of a generator, by path."""
    return {
        weight.path: np.array(weight)
        for layer in model.layers
        for weight in layer.weights
        if layer.name.startswith(DECODER_PREFIXES) != encoder
    }


def assert_same(one: dict[str, np.ndarray], other: dict[str, np.ndarray]) -> None:
    assert one, "there is something to compare"
    assert one.keys() == other.keys()
    for name, values in one.items():
        np.testing.assert_array_equal(values, other[name], err_msg=name)


@pytest.mark.parametrize(
    ("encoder", "why"),
    [({"name": "unet"}, "unet has no pretrained"), ({"weights": "none"}, "weights is none")],
)
def test_an_encoder_that_knows_nothing_must_be_trained(encoder: dict[str, str], why: str) -> None:
    with pytest.raises(ValidationError, match=f"needs a pretrained encoder, and {why}.*set train"):
        EncoderSettings.model_validate(encoder | {"trainable": False})
    assert EncoderSettings.model_validate(encoder).trainable
    assert not EncoderSettings(weights="mine.pth", trainable=False).trainable


def test_a_pretrained_encoder_is_frozen_and_its_decoder_is_not() -> None:
    encoder = {"name": "efficientnet_lite0", "trainable": False}
    generator = build_generator(settings_of(network={"encoder": encoder}).network)
    with_weights = [layer for layer in generator.layers if layer.weights]
    named = {layer.trainable: layer.name.startswith(DECODER_PREFIXES) for layer in with_weights}
    assert named == {False: False, True: True}
    of_decoder = [w.path.split("/")[0] for w in generator.trainable_weights]
    assert of_decoder
    assert all(name.startswith(DECODER_PREFIXES) for name in of_decoder)


@pytest.mark.usefixtures("eagerly")
def test_a_step_moves_the_decoder_alone_and_reports_every_term() -> None:
    settings = frozen(precision="mixed_float16", ema_decay=0.3)
    networks = build_networks(settings)
    models = (networks.generator, networks.averaged)
    fixed = weights_of(networks.generator, encoder=True)
    free = [weights_of(model, encoder=False) for model in models]
    step = make_train_step(networks, settings, None)
    for number in (5, 6):
        metrics = step(batch(), tf.constant(number))
    assert all(np.isfinite(float(value)) for value in metrics.values()), metrics
    for model, before in zip(models, free, strict=True):
        assert_same(fixed, weights_of(model, encoder=True))
        after = weights_of(model, encoder=False)
        moved = {name for name in before if not np.array_equal(before[name], after[name])}
        assert moved == set(before), "kernels and batch-norm statistics of the decoder"

    trained = build_networks(settings_of(precision="mixed_float16"))
    of_both = make_train_step(trained, settings_of(), None)(batch(), tf.constant(5))
    assert metrics.keys() == of_both.keys()
    slots = [len(n.generator_optimizer.variables) for n in (networks, trained)]
    encoder = split_generator(trained.generator).encoder.trainable_variables
    assert slots[1] - slots[0] == 2 * len(encoder), "no moments for the encoder"


@pytest.mark.usefixtures("eagerly")
def test_the_halves_predict_as_the_whole_generator_does() -> None:
    networks = build_networks(frozen(network={"dropout": 0.0}))
    halves = halves_of(networks.generator, networks.averaged, frozen=True)
    images = {name: batch()[name] for name in ("image", "weak")}
    logits = predict(halves.student, halves.encode(images))
    stacked = networks.generator(tf.concat(list(images.values()), 0), training=True)
    np.testing.assert_allclose(tf.concat(list(logits.values()), 0), stacked, atol=1e-5)


def test_a_fit_resumes_saves_and_starts_from_a_champion_whose_encoder_was_trained(
    tmp_path: Path,
) -> None:
    terms = ("adversarial_labeled", "adversarial_unlabeled", "semi_supervised")
    off = dict.fromkeys((*terms, "dice", "consistency"), 0.0)  # fewer terms are traced sooner
    settings = frozen(steps=4, checkpoint_every=2, dev_every=4, deterministic=False, objectives=off)
    champion = build_generator(settings_of().network)
    for weight in champion.weights:
        weight.assign(weight + 0.01)
    kept: list[Path] = []

    def keep(path: Path) -> None:
        kept.append(tmp_path / f"{len(kept)}.npz")
        shutil.copy(path, kept[-1])

    def fitted(path: Path) -> Networks:
        return fit(data_of(), settings, 1, Checkpoint(path, keep), champion).networks

    done = fitted(tmp_path / "state.npz")
    resumed = fitted(kept[0])
    assert len(kept) == 3, "at steps 2 and 4, and at 4 again"
    for half in (True, False):
        assert_same(weights_of(done.candidate, half), weights_of(resumed.candidate, half))
    assert_same(weights_of(champion, encoder=True), weights_of(done.candidate, encoder=True))
    save_model(tmp_path / "model", *done.to_save(), recipe={}, ledger_version=0)
    loaded = load_generator(tmp_path / "model")
    image = batch()["image"]
    np.testing.assert_allclose(loaded(image), done.candidate(image), atol=1e-5)
    assert_same(weights_of(champion, encoder=True), weights_of(loaded, encoder=True))
