"""Fit on one and on two devices, in a process that has two: `mirrored_worker.py FOLDER [again]`.

Write the last checkpoint of each fit to FOLDER/<fit>.npz and its losses to FOLDER/<fit>.losses.npz.
`two` begins with the state of `one` after two steps. With `again`, `alone` begins from nothing, and
`crashed` is `alone` ended by force and resumed.
"""

from __future__ import annotations

import shutil
import sys
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf

from components.train.checkpoint import Checkpoint
from components.train.fit import fit
from tests.support.fits import data_of, settings_of

# Dropout of the network is drawn per replica. SGD, as Adam turns the rounding of a tiny gradient
# into a whole step.
SETTINGS = settings_of(
    steps=5,
    batch_size=4,
    unlabeled_batch_size=4,
    dev_every=4,
    checkpoint_every=2,
    network={"dropout": 0.0},
    optimizer={
        "name": "sgd",
        "learning_rate": 0.05,
        "clip_norm": 0.5,
        "weight_decay": 0.1,
        "encoder_lr_mult": 0.5,
    },
)


class Crash(Exception):
    """Ends a fit between two steps."""


def main(folder: Path, again: bool) -> None:
    cpu = tf.config.list_physical_devices("CPU")[0]
    tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * 2)
    both = tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"])
    run(folder / "one.npz", copy_first_to=folder / "two.npz")
    run(folder / "two.npz", both)
    if again:
        run(folder / "alone.npz", both)
        try:
            run(folder / "crashed.npz", both, saves=1)
        except Crash:
            run(folder / "crashed.npz", both)


def run(
    path: Path,
    strategy: tf.distribute.Strategy | None = None,
    copy_first_to: Path | None = None,
    saves: int = -1,
) -> None:
    """Run one fit, which may copy its first checkpoint, or crash after a number of them."""
    rows: list[dict[str, float]] = []
    left = saves

    def stored(saved: Path) -> None:
        nonlocal left, copy_first_to
        if copy_first_to is not None:
            shutil.copy(saved, copy_first_to)
            copy_first_to = None
        left -= 1
        if left == 0:
            raise Crash

    options: dict[str, Any] = {"report": lambda step, metrics: rows.append(metrics)}
    done = fit(data_of(), SETTINGS, 3, Checkpoint(path, stored), strategy=strategy, **options)
    differ = 0
    for variable in (v for group in done.networks.state().values() for v in group):
        if strategy is not None:
            first, second = (np.asarray(copy) for copy in variable.value.values)
            differ += not np.array_equal(first, second)
    losses = {name: [row[name] for row in rows] for name in rows[-1]}
    np.savez(path.with_suffix(".losses.npz"), differ=differ, **losses)


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2:] == ["again"])
