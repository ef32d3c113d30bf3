"""A program for tests: several processes on one ledger, and processes killed at an exact moment.

Started as its own program, so that it may fork before any thread exists.
"""

from __future__ import annotations

import hashlib
import json
import os
import random
import signal
import sys
import tempfile
import traceback
import warnings
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from pathlib import Path

from pydantic import BaseModel

from components.contracts.ledger.campaign import create_campaign
from components.contracts.ledger.layout import label_blob
from components.contracts.ledger.lease import clean_up, close_cycle, open_cycle
from components.contracts.ledger.ledger import Ledger
from components.contracts.ledger.state import State
from components.contracts.step.done import run_once
from components.contracts.storage import base as storage_module
from components.contracts.storage.base import Storage
from tests.support.buckets import open_with

IMAGES = [f"city_{i:06d}" for i in range(8)]


def storage_at(root: str) -> Storage:
    """The root; a bucket with little patience, for a server on this machine."""
    return open_with(root, request_timeout_s=1.0, deadline_s=60.0, first_delay_s=0.02)


def accept(ledger: Ledger, image_id: str, batch: str, fence: int | None = None) -> int:
    """Take in one file with one label as ingestion does, the blob first; the event's number."""
    png = f"{image_id} {batch}".encode()
    sha256 = hashlib.sha256(png).hexdigest()
    with suppress(FileExistsError):
        ledger.storage.create(label_blob(image_id, sha256), png)
    payload = {
        "file_sha256": sha256,
        "file_name": f"{batch}.json",
        "labels": [{"image_id": image_id, "sha256": sha256, "annotator": "worker"}],
        "refused": [],
    }
    return ledger.commit("labels_accepted", f"labels/{sha256}", payload, fence=fence).number


def commit_many(root: str, worker: int, files: int, overlap: int) -> None:
    """Commit `files` labels, each worker in its own order; `overlap` of them all workers have."""
    ledger = Ledger(storage_at(root))
    names = [f"shared-{i}" for i in range(overlap)]
    names += [f"own-{worker}-{i}" for i in range(files - overlap)]
    random.Random(worker).shuffle(names)
    for name in names:
        accept(ledger, name, "batch")


def campaign(root: str) -> None:
    """A whole two-cycle campaign without training; run again, it goes on where it stood."""
    storage = storage_at(root)
    ledger = create_campaign(storage, "kill", {"seed": 1}, {"seed": 1})
    ledger.commit("seed", "seed", {"image_ids": IMAGES[:2]})
    clean_up(ledger)
    while len(ledger.state().cycles) < 2 or ledger.state().open_cycle:
        lease = open_cycle(ledger, f"run-{os.urandom(4).hex()}", 3600, take_over=True)
        one_cycle(ledger, lease.cycle, lease.fence)


class Trained(BaseModel):
    model: str


def one_cycle(ledger: Ledger, cycle: int, fence: int) -> None:
    storage = ledger.storage
    if cycle == 2:
        ledger.commit("task_skipped", "skip/2", {"image_id": IMAGES[3], "annotator": "", "why": ""})
    # Only what was asked before the cycle: after a kill, its own query is there already.
    opened = ledger.state().cycles[cycle].opened_number
    for image_id in sorted(ledger.state_at(opened).outstanding):
        accept(ledger, image_id, "oracle", fence)
    labeled = sorted(ledger.state().labels)

    def train() -> Trained:
        content = json.dumps(labeled).encode()
        model = hashlib.sha256(content).hexdigest()
        files = dict.fromkeys(("generator.keras", "discriminator.keras"), model)
        described = json.dumps({"model_id": model, "files": files}).encode()
        with tempfile.TemporaryDirectory() as folder:
            for name in (*files, "model.json"):
                (Path(folder) / name).write_bytes(described if name == "model.json" else content)
            storage.put_dir(Path(folder), f"models/{model}")
        return Trained(model=model)

    model = run_once(storage, cycle, "train", {"labeled": labeled}, Trained, train).model
    promotion = {"cycle": cycle, "model": model, "metrics": {"miou": 0.5}, "reasons": ["better"]}
    ledger.commit("promotion", f"promote/{cycle}", promotion, fence=fence)

    def query(state: State) -> dict[str, object]:
        chosen = [i for i in IMAGES if i not in state.labels and i not in state.outstanding][:2]
        items = [{"image_id": i, "score": 1.0, "reason": "r", "cost": 1.0} for i in chosen]
        return {"cycle": cycle, "strategy": "entropy", "model": model, "items": items}

    ledger.commit("query", f"query/{cycle}", query, fence=fence)
    report = f"cycles/{cycle}/report.json"
    storage.write(report, json.dumps({"labeled": len(labeled)}).encode())
    close_cycle(ledger, cycle, fence, "done", report, {"labeled": len(labeled)})


def outcome(root: str) -> dict[str, object]:
    """What must not depend on kills: the state but for owners, fences and times, and the files."""
    storage = storage_at(root)
    ledger = Ledger(storage)
    state = ledger.state()
    return {
        "labels": {i: [v.sha256 for v in versions] for i, versions in state.labels.items()},
        "outstanding": sorted(state.outstanding),
        "skipped": sorted(state.skipped),
        "champions": [c.model for c in state.champions],
        "cycles": [[c.cycle, c.outcome, c.summary.model_dump()] for c in state.cycles.values()],
        "keys": sorted(key for key in state.keys if not key.startswith("open/")),
        "files": [name for name in storage.list() if not name.startswith("ledger/")],
        "problems": ledger.verify(),
    }


def forked(work: Callable[[], None]) -> int:
    """Start a child that does the work; its pid."""
    pid = os.fork()
    if pid == 0:
        status = 1
        try:
            work()
            status = 0
        except Exception:
            os.write(2, traceback.format_exc().encode())  # at once, not mixed with another's
        finally:
            os._exit(status)
    return pid


def ended(pid: int) -> int:
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def kill_everywhere(root: str) -> dict[str, object]:
    """Kill a campaign before and after every durable change, in a new root each time; rerun it."""

    def killed_at(point: int, where: str) -> None:
        seen = 0

        def observer(phase: str, operation: str, name: str) -> None:
            nonlocal seen
            if seen == point:
                os.kill(os.getpid(), signal.SIGKILL)
            seen += 1

        storage_module.observer = observer
        campaign(where)

    def compared(where: str, reference: dict[str, object]) -> None:
        campaign(where)
        found = outcome(where)
        if found != reference:
            differing = {key: found[key] for key in found if found[key] != reference[key]}
            print(where, differing, file=sys.stderr)
            os._exit(3)

    campaign(f"{root}/whole")
    reference = outcome(f"{root}/whole")
    points, wrong = 0, []
    while True:
        where = f"{root}/{points}"
        status = ended(forked(partial(killed_at, points, where)))
        if status == 0:
            break
        rerun = ended(forked(partial(compared, where, reference)))
        if status != -signal.SIGKILL or rerun != 0:
            wrong.append([points, status, rerun])
        points += 1
    return {"points": points, "wrong": wrong, "reference": reference}


def race_open(root: str, worker: int) -> None:
    """Try to open a cycle; says so in the storage on success."""
    ledger = Ledger(storage_at(root))
    lease = open_cycle(ledger, f"run-{worker}", 60)
    ledger.storage.write(f"opened/{worker}", f"{lease.cycle} {lease.fence}".encode())


def main() -> None:
    mode, root, *numbers = sys.argv[1:]
    # The Google client must be imported before the fork, and used only after it.
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import google.cloud.storage  # noqa: F401
    if mode == "kill":
        print(json.dumps(kill_everywhere(root)))
        return
    workers = int(numbers[0])
    rest = [int(number) for number in numbers[1:]]
    works: dict[str, Callable[..., None]] = {"commit": commit_many, "open": race_open}
    work = works[mode]
    pids = [forked(partial(work, root, worker, *rest)) for worker in range(workers)]
    print(json.dumps([ended(pid) for pid in pids]))


if __name__ == "__main__":
    main()
