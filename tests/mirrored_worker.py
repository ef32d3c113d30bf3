"""Fits on one and on two devices, in a process that has two: `mirrored_worker.py FOLDER PRECISION`.

Writes what each fit ends with to FOLDER/<fit>.npz.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf
from fit_support import data_of, settings_of

from components.train.checkpoint import Checkpoint
from components.train.fit import fit
from components.train.fit_settings import TrainSettings


def main(folder: Path, precision: str) -> None:
    cpu = tf.config.list_physical_devices("CPU")[0]
    tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * 2)
    both = tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"])
    # Dropout of the network draws per replica. SGD, as Adam turns rounding of tiny gradients into steps.
    settings = settings_of(
        steps=6,
        batch_size=4,
        unlabeled_batch_size=4,
        precision=precision,
        network={"dropout": 0.0},
        optimizer={"name": "sgd", "learning_rate": 0.05, "clip_norm": 0.5},
    )
    run(folder / "one.npz", settings)
    run(folder / "two.npz", settings, both)
    try:
        run(folder / "resumed.npz", settings, both, stop=4)
    except Stopped:
        run(folder / "resumed.npz", settings, both)


class Stopped(Exception):
    """Ends a fit as a crash would."""


def run(
    path: Path,
    settings: TrainSettings,
    strategy: tf.distribute.Strategy | None = None,
    stop: int = 0,
) -> None:
    """Fits, and leaves the last checkpoint in `path`; losses go to the same name with .losses.npz."""
    rows: list[dict[str, float]] = []

    def stored(_: Path) -> None:
        if saved and len(saved) * settings.checkpoint_every >= stop > 0:
            raise Stopped
        saved.append(0)

    saved: list[int] = []
    options: dict[str, Any] = {"report": lambda step, metrics: rows.append(metrics)}
    done = fit(data_of(), settings, 3, Checkpoint(path, stored), strategy=strategy, **options)
    copies = replicas_differ(done.networks.state().values()) if strategy else 0
    losses = {name: [row[name] for row in rows] for name in rows[-1]}
    np.savez(path.with_suffix(".losses.npz"), copies=copies, **losses)


def replicas_differ(groups: Any) -> int:
    """How many variables have another value on the second device."""
    differ = 0
    for variable in (v for group in groups for v in group):
        first, second = (np.asarray(copy) for copy in variable.value.values)
        differ += not np.array_equal(first, second)
    return differ


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2])
