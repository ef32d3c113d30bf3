"""A step over two devices is the step of one: weights, moments, losses, checkpoints."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from pydantic import ValidationError

from components.contracts.process.errors import StreetloopError
from components.contracts.recipe.train import TrainSettings
from components.train import devices

WORKER = Path(__file__).parents[2] / "support" / "mirrored_worker.py"


def _run(folder: Path, *words: str) -> None:
    done = subprocess.run(
        [sys.executable, WORKER, folder, *words], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr[-4000:]


def _same_fit(folder: Path, one: str, two: str) -> None:
    """Check equality up to rounding; means or sums of two replicas' own results are far from it."""
    a, b = (np.load(folder / f"{name}.npz") for name in (one, two))
    for key in set(a.files) - {"meta"}:
        np.testing.assert_allclose(b[key], a[key], rtol=1e-3, atol=5e-4, err_msg=key)
    a, b = (np.load(folder / f"{name}.losses.npz") for name in (one, two))
    assert b["differ"] == 0, "the replicas' weights differ"
    for key in set(a.files) - {"differ"}:
        np.testing.assert_allclose(b[key][-1], a[key][-1], rtol=1e-3, atol=1e-3, err_msg=key)


def test_two_devices_resume_the_state_of_one_and_end_where_it_does(tmp_path):
    _run(tmp_path)
    _same_fit(tmp_path, "one", "two")


@pytest.mark.slow
def test_two_devices_begin_as_one_does_and_repeat_bit_for_bit_after_a_crash(tmp_path):
    _run(tmp_path, "again")
    _same_fit(tmp_path, "one", "alone")
    alone, crashed = (np.load(tmp_path / f"{name}.npz") for name in ("alone", "crashed"))
    for key in alone.files:
        np.testing.assert_array_equal(crashed[key], alone[key], err_msg=key)


class FakeConfig:
    """TensorFlow's view of a machine with a number of GPUs."""

    def __init__(self, monkeypatch, count):
        import tensorflow as tf

        self.gpus = [f"GPU:{k}" for k in range(count)]
        self.used = None
        monkeypatch.setattr(tf.config, "list_physical_devices", lambda kind: self.gpus)
        monkeypatch.setattr(tf.config, "set_visible_devices", self.use)
        monkeypatch.setattr(tf.distribute, "MirroredStrategy", lambda: "mirrored")

    def use(self, gpus, kind):
        assert kind == "GPU"
        self.used = gpus


@pytest.mark.parametrize(("wanted", "visible"), [(1, 0), (2, 1)])
def test_strategy_for_rejects_more_gpus_than_are_visible(monkeypatch, wanted, visible):
    FakeConfig(monkeypatch, visible)
    with pytest.raises(
        StreetloopError, match=rf"sees {visible} GPUs, fewer than train.gpus={wanted}"
    ):
        devices.strategy_for(wanted)


@pytest.mark.parametrize("wanted", [0, 1, 2])
def test_strategy_for_uses_as_many_gpus_as_requested_and_mirrors_several(monkeypatch, wanted):
    machine = FakeConfig(monkeypatch, 3)
    strategy = devices.strategy_for(wanted)
    assert machine.used == machine.gpus[:wanted]
    assert (strategy == "mirrored") == (wanted == 2)


@pytest.mark.parametrize("wrong", [{"batch_size": 3}, {"unlabeled_batch_size": 3}])
def test_settings_reject_batches_that_gpus_cannot_share_equally(wrong):
    TrainSettings(gpus=2)
    TrainSettings(gpus=2, unlabeled_batch_size=0)
    with pytest.raises(ValidationError, match=rf"{next(iter(wrong))} must be divisible by gpus"):
        TrainSettings(gpus=2, **wrong)


def test_settings_reject_xla_over_several_gpus():
    with pytest.raises(ValidationError, match="jit_compile works on one device only"):
        TrainSettings(gpus=2, jit_compile=True)
