"""Measure how fast a ledger of 100,000 queried and labeled images loads its state and commits.

    python -m benchmarks.ledger [--images 100000] [--root FOLDER]

Expected on two cores and a local disk: load under 1 s, commit under 0.3 s.
"""

from __future__ import annotations

import argparse
import hashlib
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from benchmarks.figures import Figure, report
from components.contracts.ledger.campaign import create_campaign
from components.contracts.ledger.lease import open_cycle
from components.contracts.ledger.ledger import Ledger
from components.contracts.storage.folder import FolderStorage


def build(root: Path, images: int, batches: int) -> float:
    """Write a campaign with this many labeled images; return the seconds of its largest commit."""
    ledger = create_campaign(FolderStorage(root), "bench", {"seed": 1}, {"seed": 1})
    lease = open_cycle(ledger, "bench", 3600)
    ids = [f"city_{i // 1000:06d}_{i % 1000:06d}" for i in range(images)]
    items = [{"image_id": i, "score": 0.5, "reason": "entropy", "cost": 1.0} for i in ids]
    longest = 0.0
    for batch in range(batches):
        digest = hashlib.sha256(str(batch).encode()).hexdigest()
        chosen = slice(batch * images // batches, (batch + 1) * images // batches)
        query = {"cycle": lease.cycle, "strategy": "entropy", "model": None, "items": items[chosen]}
        labels = [{"image_id": i, "sha256": digest, "annotator": "a"} for i in ids[chosen]]
        accepted = {"file_sha256": digest, "file_name": "f", "labels": labels, "refused": []}
        ledger.commit("query", f"query/{batch}", query, fence=lease.fence)
        started = time.perf_counter()
        ledger.commit("labels_accepted", f"labels/{digest}", accepted, fence=lease.fence)
        longest = max(longest, time.perf_counter() - started)
    return longest


def measure(
    root: Path, repeats: int = 6, clock: Callable[[], float] = time.perf_counter
) -> dict[str, list[float]]:
    """Return the seconds to load the state, to commit with it loaded, and to do both, by round."""
    taken: dict[str, list[float]] = {"load": [], "commit": [], "load and commit": []}
    for repeat in range(repeats):
        started = clock()
        ledger = Ledger(FolderStorage(root))
        ledger.state()
        taken["load"].append(clock() - started)
        skip = {"image_id": f"unknown-{repeat}", "annotator": "a", "why": "bench"}
        before = clock()
        ledger.commit("task_skipped", f"skip/{time.time_ns()}", skip)
        ledger.state()
        taken["commit"].append(clock() - before)
        taken["load and commit"].append(clock() - started)
    return taken


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--images", type=int, default=100_000)
    parser.add_argument("--batches", type=int, default=50)
    parser.add_argument("--root", type=Path)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        root = args.root or Path(scratch) / "root"
        longest = build(root, args.images, args.batches)
        found = measure(root)
    print(f"largest commit of a batch: {longest:.3f} s")
    for what, most in (("load", 1.0), ("commit", 0.3)):
        values = tuple(found[what][1:])
        title = f"a ledger of {args.images:,} images: {what}"
        report(Figure(title, "a limit", values, most, "s", at_least=False))


if __name__ == "__main__":
    main()
