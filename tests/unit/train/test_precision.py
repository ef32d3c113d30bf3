"""`train.precision: auto`: what it measures, what it chooses, and what it leaves behind."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from components.train import fit as fitting
from components.train import precision
from components.train.checkpoint import Checkpoint
from tests.support.fits import data_of, settings_of

# Determinism would hold for the whole process: it cannot be turned off again.
SHORT = {"steps": 2, "dev_every": 2, "checkpoint_every": 2, "deterministic": False}
# Fewer terms compile faster.
WEIGHTS = (
    "adversarial_labeled",
    "adversarial_unlabeled",
    "semi_supervised",
    "consistency",
    "feature_consistency",
)
SHORT |= {"unlabeled_batch_size": 0, "objectives": dict.fromkeys(WEIGHTS, 0.0)}


@pytest.mark.parametrize(
    ("float32", "bfloat16", "chosen"),
    [(1.0, 0.5, "mixed_bfloat16"), (1.0, 0.94, "mixed_bfloat16"), (1.0, 0.96, "float32"), (1.0, 2.0, "float32")],
)  # fmt: skip
def test_the_faster_format_is_chosen_if_it_is_clearly_faster(
    monkeypatch, float32: float, bfloat16: float, chosen: str
) -> None:
    seconds = {"float32": float32, "mixed_bfloat16": bfloat16}
    monkeypatch.setattr(precision, "_seconds", lambda settings, *_: seconds[settings.precision])
    assert precision.choose_precision(settings_of(), {}, None) == chosen


def test_auto_measures_and_then_fits_as_if_the_format_had_been_set(
    monkeypatch, tmp_path: Path, caplog
) -> None:
    caplog.set_level("INFO", "streetloop")
    monkeypatch.setattr(precision, "_MEASURED", 2)
    monkeypatch.setattr(precision, "_WORTH", 1e9)  # bfloat16, however slow
    said: list[str] = []
    auto = fitting.fit(
        data_of(unlabeled=0), settings_of(precision="auto", **SHORT), 1, Checkpoint(tmp_path / "auto.npz"),
        progress=lambda step, text: said.append(text),
    )  # fmt: skip
    assert said[:2] == ["measuring float32", "measuring mixed_bfloat16"]
    assert "train.precision auto: mixed_bfloat16 (a step takes " in caplog.text
    assert auto.precision == "mixed_bfloat16"
    assert auto.networks.generator.layers[1].compute_dtype == "bfloat16"
    plain = fitting.fit(
        data_of(unlabeled=0), settings_of(precision="mixed_bfloat16", **SHORT), 1, Checkpoint(tmp_path / "set.npz")
    )  # fmt: skip
    # A model's id hashes its configuration, layers' names included, and its weights.
    for one, other in zip(auto.networks.to_save(), plain.networks.to_save(), strict=True):
        assert one.get_config() == other.get_config()
        for weight, same in zip(one.get_weights(), other.get_weights(), strict=True):
            np.testing.assert_allclose(weight, same, atol=2e-3)


def test_a_resumed_fit_keeps_its_format(monkeypatch, tmp_path: Path) -> None:
    checkpoint = Checkpoint(tmp_path / "state.npz")
    fitting.fit(
        data_of(unlabeled=0), settings_of(precision="mixed_bfloat16", **SHORT), 1, checkpoint
    )
    monkeypatch.setattr(fitting, "choose_precision", lambda *_: pytest.fail("measured again"))
    longer = settings_of(precision="auto", **(SHORT | {"steps": 4}))
    done = fitting.fit(data_of(unlabeled=0), longer, 1, checkpoint)
    assert done.steps == 4
    assert done.networks.generator.layers[1].compute_dtype == "bfloat16"
