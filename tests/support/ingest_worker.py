"""Small exports and a campaign that ingests them; as a program, several processes do so at once."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

from components.contracts.annotation import label_studio, png_mask
from components.contracts.data.records import INDEX, Entry, Records
from components.contracts.ledger.campaign import create_campaign
from components.contracts.ledger.ledger import Ledger
from components.contracts.recipe.feedback import FeedbackSettings
from components.contracts.storage.base import Stamp
from components.contracts.storage.open import open_storage
from components.feedback.intake import Intake, ingest
from components.feedback.resolution import settle

SIZE = (4, 6)


def index(folder: Path, images: Sequence[str], size: tuple[int, int] = SIZE) -> Records:
    """Write an index (no records) of images that may be labeled, and of one (a_0_9) that may not."""
    row = {"city": "a", "height": size[0], "width": size[1], "shard": "x", "offset": 0, "length": 0}
    rows = {image_id: {**row, "split": "train"} for image_id in images}
    rows["a_0_9"] = {**row, "split": "val"}
    folder.mkdir(parents=True, exist_ok=True)
    (folder / INDEX).write_text(json.dumps(rows))
    return Records(folder)


def campaign(root: str, asked: Sequence[str]) -> Ledger:
    """Create a campaign that has asked for these images."""
    ledger = create_campaign(open_storage(root), "people", {"name": "people"}, {})
    ledger.commit("seed", "seed", {"image_ids": list(asked)})
    return ledger


def painted(*train_ids: int) -> np.ndarray:
    """Return a label map whose columns have these train ids, in turn."""
    return np.array([train_ids * SIZE[1]] * SIZE[0], np.uint8)[:, : SIZE[1]]


def mask(*train_ids: int) -> bytes:
    """Return that label map as a PNG of train ids."""
    return png_mask.write(painted(*train_ids))


def export(*annotations: tuple[str, str, str, tuple[int, ...] | None]) -> bytes:
    """Write a Label Studio export: (image id, annotator, month of 2026 or "", train ids or None: skipped)."""
    tasks: list[dict[str, Any]] = []
    for image_id, annotator, month, train_ids in annotations:
        annotation: dict[str, Any] = {"completed_by": {"email": annotator}, "result": []}
        if month:
            annotation["updated_at"] = f"2026-{month}-01T00:00:00Z"
        if train_ids is None:
            annotation |= {"was_cancelled": True, "comment": "too dark"}
        else:
            task = label_studio.write_task(image_id, "x.png", painted(*train_ids))
            annotation["result"] = task["predictions"][0]["result"]
        tasks.append({"data": {"image_id": image_id}, "annotations": [annotation]})
    return json.dumps(tasks).encode()


def work(root: str, worker: int, files: int, shared: int) -> None:
    """Ingest `files` masks of images; every worker has the first `shared` ones."""
    ledger = Ledger(open_storage(root))
    names = [f"shared_{i}" for i in range(shared)]
    names += [f"own_{worker}_{i}" for i in range(files - shared)]
    entries = {name: Entry("train", "", *SIZE, "", 0, 0) for name in names}
    settings = FeedbackSettings(policy="consensus")
    intake = Intake(ledger, settings, entries, frozenset(names), None)
    stamp = Stamp(100, datetime.now(UTC), True, ())
    for place in range(files):
        # Each worker has another order, so that they meet on the shared ones at some time.
        name = names[(place * 7 + worker * 5) % files]
        ingest(intake, png_mask.file_name(name), mask(3, 5), stamp)
        if name.startswith("shared"):  # and each worker's own label of it
            ingest(intake, f"@ann{worker}/{png_mask.file_name(name)}", mask(3, worker), stamp)
    settle(ledger, settings.policy, None)


def main() -> None:
    root, workers, files, shared = sys.argv[1], *map(int, sys.argv[2:])
    pids = []
    for worker in range(workers):
        pid = os.fork()
        if pid == 0:
            status = 1
            try:
                work(root, worker, files, shared)
                status = 0
            finally:
                os._exit(status)
        pids.append(pid)
    print(json.dumps([os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) for pid in pids]))


if __name__ == "__main__":
    main()
