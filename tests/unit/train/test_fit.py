"""The loop around the step: when it stops, what it keeps, what it logs."""

from __future__ import annotations

import logging
from types import SimpleNamespace

import pytest
import tensorflow as tf

from components.contracts.process.errors import StreetloopError
from components.train import dev_score, fit, waiting
from components.train.checkpoint import Checkpoint
from tests.support.fits import data_of, settings_of

FINE = {"supervised_loss": 1.0, "total_loss": 2.0}


def _fit(monkeypatch, path, losses=lambda step: FINE, mious=None, **changes):
    """Fit with steps that only return the losses; return the fit and the steps that ran."""
    steps = []

    def make(networks, settings, class_weights, seed):
        def step(batch, number):
            steps.append(int(number) + 1)
            return {k: tf.constant(v) for k, v in losses(int(number) + 1).items()}

        return step

    monkeypatch.setattr(fit, "make_train_step", make)
    if mious is not None:
        scores = iter(mious)
        monkeypatch.setattr(dev_score, "score", lambda *_: None)
        monkeypatch.setattr(dev_score, "mean_iou", lambda _: next(scores))
        for name in ("pixel_accuracy", "mean_dice"):
            monkeypatch.setattr(dev_score, name, lambda _: None)
    # Determinism would hold for the whole process: it cannot be turned off again.
    changes |= {"dev_every": 2, "settle_batches": 0, "checkpoint_every": 3, "deterministic": False}
    settings = settings_of(**changes)
    done = fit.fit(data_of(), settings, 1, Checkpoint(path / "state.npz"))
    return done, steps


def test_fit_stops_after_patience_scores_without_a_better_one(monkeypatch, tmp_path):
    mious = [0.1, 0.3, 0.2, 0.3, 0.2, 0.9]
    done, steps = _fit(monkeypatch, tmp_path, mious=mious, patience=3, steps=20)
    assert (done.steps, done.best_step, done.dev_miou) == (10, 4, 0.3)
    assert steps == list(range(1, 11))
    done, steps = _fit(monkeypatch, tmp_path, mious=mious, patience=3, steps=20)
    assert (done.steps, steps) == (10, []), "a fit that stopped early does not resume"


def test_fit_stops_at_a_loss_that_is_nan_before_it_saves_its_state(monkeypatch, tmp_path):
    def losses(step):
        return FINE | {"dice_loss": float("nan") if step >= 8 else 0.5}

    with pytest.raises(StreetloopError, match="dice_loss is nan at step 8"):
        _fit(monkeypatch, tmp_path, losses, steps=20)
    with pytest.raises(StreetloopError, match="dice_loss is nan at step 8"):
        _fit(monkeypatch, tmp_path, losses, steps=20)


def test_fit_warns_of_a_discriminator_that_has_won(monkeypatch, tmp_path, caplog):
    accuracies = {f"discriminator_accuracy_{kind}": 1.0 for kind in ("real", "fake")}
    _fit(
        monkeypatch,
        tmp_path,
        lambda step: FINE | accuracies | {"discriminator_loss": 0.01},
        steps=2,
    )
    assert "step 2: The discriminator has won (loss 0.010" in caplog.text
    assert "Lower train.discriminator_learning_rate" in caplog.text


def test_fit_warns_of_a_model_that_waits_for_images(monkeypatch, tmp_path, caplog):
    caplog.set_level(logging.INFO, "streetloop")
    now = [0.0]
    monkeypatch.setattr(waiting, "time", SimpleNamespace(monotonic=lambda: now[0]))

    def slow(step):
        now[0] += 1.0
        return FINE

    done, _ = _fit(monkeypatch, tmp_path, slow, steps=2)
    assert done.waiting == 0
    assert "waited for images for 0.0 % of the steps' time" in caplog.text
    caplog.clear()
    distribute = fit.distribute

    def hesitant(*args):
        for batch in distribute(*args):
            now[0] += 1.0
            yield batch

    monkeypatch.setattr(fit, "distribute", hesitant)
    (tmp_path / "again").mkdir()
    done, _ = _fit(monkeypatch, tmp_path / "again", slow, steps=2)
    assert done.waiting == 0.5
    assert "Give the step more CPU cores" in caplog.text
