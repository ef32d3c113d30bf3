"""The whole fit learns: it overfits four images."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from components.train.checkpoint import Checkpoint
from components.train.fit import fit
from tests.support.fits import data_of, settings_of


def test_fit_overfits_four_images(tmp_path: Path) -> None:
    """Six classes, three of them closer in colour than the noise: only neighbours tell them apart."""
    four = data_of(labeled=4, unlabeled=0, dev=0)
    settings = settings_of(
        steps=150,
        batch_size=4,
        dev_every=50,
        checkpoint_every=150,
        deterministic=False,  # it would hold for the whole process
        ema_decay=0.9,
        network={
            "encoder": {"name": "unet", "base": 8, "depth": 2},
            "decoder_width": 8,
            "output_stride": 1,
            "dropout": 0.0,
        },
        augment={"scale": [1.0, 1.0], "flip": False},
        optimizer={"learning_rate": 0.02, "warmup_steps": 5},
    )
    reports: list[dict[str, float]] = []
    done = fit(
        replace(four, dev=four.labeled.ids),
        settings,
        seed=1,
        checkpoint=Checkpoint(tmp_path / "state.npz"),
        report=lambda step, metrics: reports.append(metrics),
    )
    assert done.dev_miou is not None
    assert done.dev_miou > 0.9, [row["dev/miou"] for row in reports]
    assert reports[-1]["supervised_loss"] < 0.5 * reports[0]["supervised_loss"]
