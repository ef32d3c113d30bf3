"""Measure how long each strategy takes to choose from a large pool, and how much memory: `make bench`.

The pool is drawn at random; what a model sees of it is not part of the time.
"""

from __future__ import annotations

import argparse
import resource
import sys
import time
from dataclasses import replace

import numpy as np

from benchmarks.figures import Figure, by_turns, report, speedups
from components.query.choose import choose
from components.query.pool import Places, Pool
from components.query.strategies import STRATEGIES

_FRAMES = 100  # of a drive
_LABELED = 500
_ROUNDS = 5
_MOST = 2.0  # GiB


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
        dict.fromkeys(["entropy", *(n for n, s in STRATEGIES.items() if s.own_measure)], entropy),
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
    report(Figure("memory of all strategies", "a limit", (peak,), _MOST, "GiB", at_least=False))
    compare(pool, args.count)
    return 0


def compare(pool: Pool, count: int) -> None:
    """Compare k-center with the same in plain numpy, from the first few labeled images on."""
    few = replace(pool, labeled_embeddings=pool.labeled_embeddings[:10])
    free = np.ones(len(pool), bool)
    chosen: dict[str, list[int]] = {}

    def ours() -> None:
        ranker = STRATEGIES["kcenter"].rank(few, np.random.default_rng(0), count)
        chosen["ours"] = []
        for _ in range(count):
            chosen["ours"].append(int(ranker.scores(free).argmax()))
            ranker.add(chosen["ours"][-1])

    def plain() -> None:
        nearest = np.full(len(few), np.inf, np.float32)
        for point in few.labeled_embeddings:
            nearest = np.minimum(nearest, np.linalg.norm(few.embeddings - point, axis=1))
        chosen["plain"] = []
        for _ in range(count):
            chosen["plain"].append(int(nearest.argmax()))
            point = few.embeddings[chosen["plain"][-1]]
            nearest = np.minimum(nearest, np.linalg.norm(few.embeddings - point, axis=1))

    taken = by_turns({"plain": plain, "ours": ours}, _ROUNDS, time.process_time)
    if chosen["ours"] != chosen["plain"]:
        raise SystemExit("The choices differ.")
    what = f"choosing {count} of {len(pool):,} x {pool.embeddings.shape[1]} embeddings"
    report(Figure(what, "k-center in plain numpy", speedups(taken["plain"], taken["ours"]), 3))


if __name__ == "__main__":
    sys.exit(main())
