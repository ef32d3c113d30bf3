"""Measure how long each strategy takes to choose from a large pool, and how much memory: `make bench`.

The pool is drawn at random; what a model sees of it is not part of the time.
"""

from __future__ import annotations

import argparse
import resource
import sys
import time

import numpy as np

from components.query.choose import choose
from components.query.pool import Places, Pool
from components.query.strategies import MEASURES, STRATEGIES

_FRAMES = 100  # of a drive
_LABELED = 500


def pool_of(images: int, dimensions: int) -> Pool:
    """Return a pool of drives, drawn at random."""
    rng = np.random.default_rng(0)
    place = np.arange(images)
    drive = place // _FRAMES
    places = Places(drive // 10, drive, place % _FRAMES, place % 1000, np.full(images, 1000))
    entropy = rng.random(images).astype(np.float32)
    share = rng.dirichlet(np.ones(19), images).astype(np.float32)
    return Pool(
        tuple(f"{i:07d}" for i in range(images)),
        places,
        places.of(np.arange(_LABELED)),
        rng.normal(size=(images, dimensions)).astype(np.float32),
        rng.normal(size=(_LABELED, dimensions)).astype(np.float32),
        dict.fromkeys(
            [*MEASURES, *(n for n, s in STRATEGIES.items() if s.needs_second_look)], entropy
        ),
        share * entropy[:, None],
        share,
        share[:_LABELED].mean(0),
    )


def main() -> int:
    """Print a line per strategy; return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--images", type=int, default=100_000)
    parser.add_argument("--dimensions", type=int, default=256)
    parser.add_argument("--count", type=int, default=100)
    args = parser.parse_args()
    pool = pool_of(args.images, args.dimensions)
    print(f"{args.count} of {args.images:,} images with {args.dimensions} numbers each")
    for name, strategy in STRATEGIES.items():
        started = time.perf_counter()
        ranker = strategy.rank(pool, np.random.default_rng(0), args.count)
        chosen = choose(pool, ranker, args.count, min_gap=4)
        seconds = time.perf_counter() - started
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
        print(f"{name:<18} {seconds:6.1f} s   peak so far {peak:.2f} GiB   {len(chosen)} chosen")
    return 0


if __name__ == "__main__":
    sys.exit(main())
