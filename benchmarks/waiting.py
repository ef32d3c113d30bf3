"""Measure the share of a training step in which the model waits for images.

    python -m benchmarks.waiting [--recipe pipelines/recipes/synthetic.yaml] [--steps 8] [--rounds 5]

The demo's step, on images in memory of the demo's size, with its views and augmentation.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import tensorflow as tf

from benchmarks.figures import Figure, report
from benchmarks.input import STREETS, Street
from components.contracts.recipe.recipe import load
from components.train.input.memory import Budget
from components.train.input.stream import Pool, batches
from components.train.networks.networks import build_networks
from components.train.train_step import make_train_step
from components.train.waiting import WaitingClock


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    recipe = Path("pipelines/recipes/synthetic.yaml")
    parser.add_argument("--recipe", type=Path, default=recipe)
    parser.add_argument("--steps", type=int, default=8, help="in a round")
    parser.add_argument("--rounds", type=int, default=5)
    args = parser.parse_args()
    changes = [f"train.steps={args.steps * (args.rounds + 2)}", "train.precision=float32"]
    changes += ["train.network.encoder.weights=none", "train.warm_start=false"]
    settings = load(args.recipe, changes).train
    street, ids = Street(settings.crop), [str(k) for k in range(STREETS)]
    labeled, unlabeled = (Pool(street, ids, Budget(1 << 40)) for _ in range(2))  # type: ignore[arg-type]
    step = make_train_step(build_networks(settings), settings, None)
    images = iter(batches(labeled, unlabeled, settings, seed=0, first=0))
    shares = []
    for number in range(args.rounds + 1):
        clock = WaitingClock()  # it does not count its first step
        for _ in range(args.steps):
            batch = clock.next_batch(images)
            at = tf.constant(settings.steps - 1)  # every term of the loss is on
            float(step(batch, at)["total_loss"])
            clock.end_step()
        if number:
            shares.append(100 * clock.share)
    what = "share of a training step spent waiting for images"
    report(Figure(what, "none", tuple(shares), 2, "%", at_least=False))


if __name__ == "__main__":
    main()
