"""A full disk: a clear error, a valid ledger, and nothing lost once there is room again."""

from __future__ import annotations

import errno
import os
import resource
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from components.contracts.annotation import png_mask
from components.contracts.data.records import Records
from components.contracts.ledger.campaign import create_campaign
from components.contracts.ledger.ledger import Ledger
from components.contracts.recipe.feedback import FeedbackSettings
from components.contracts.storage.base import Storage
from components.contracts.storage.errors import StorageError
from components.contracts.storage.open import open_storage
from components.feedback.inbox import ingest_inbox
from tests.support.ingest_worker import campaign, export, index, mask

A, B, C = "a_0_1", "a_0_2", "a_0_3"
SETTINGS = FeedbackSettings(policy="consensus")
ADVICE = "Free space on that disk"


@contextmanager
def full_from(monkeypatch: pytest.MonkeyPatch, call: int) -> Iterator[Callable[[], int]]:
    """Fill the disk from the n-th call that makes something durable; yield a count of calls."""
    calls = 0

    def limited(real: Callable[..., Any]) -> Callable[..., Any]:
        def wrapper(*arguments: Any, **options: Any) -> Any:
            nonlocal calls
            calls += 1
            if calls > call:
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            return real(*arguments, **options)

        return wrapper

    with monkeypatch.context() as patch:
        for name in ("fsync", "link", "replace"):
            patch.setattr(os, name, limited(getattr(os, name)))
        yield lambda: calls


def start(root: Path) -> Storage:
    """Create a campaign that asked for three images, with the answers of two people in its inbox."""
    storage = campaign(str(root), [A, B, C]).storage
    storage.write("inbox/x.json", export((A, "ann", "01", (1, 2)), (B, "ann", "02", (1, 2))))
    storage.write("inbox/y.json", export((A, "bob", "02", (1, 4)), ("no", "bob", "01", (1, 1))))
    storage.write("inbox/z.json", export((C, "bob", "02", None)))
    storage.write(f"inbox/{png_mask.file_name(B)}", mask(1, 2))
    return storage


def outcome(storage: Storage) -> dict[str, Any]:
    """Return what a full disk must not change."""
    ledger = Ledger(storage)
    state = ledger.state()
    return {
        "labels": {i: [v.sha256 for v in versions] for i, versions in state.labels.items()},
        "skipped": sorted(state.skipped),
        "keys": sorted(state.keys),
        "files": [name for name in storage.list() if not name.startswith("ledger/")],
        "problems": ledger.verify(),
    }


def test_ingestion_loses_nothing_wherever_the_disk_fills_up(
    memory: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    records: Records = index(memory / "records", [A, B, C])
    whole = start(memory / "whole")
    ingest_inbox(Ledger(whole), records, SETTINGS, None)
    expected = outcome(whole)
    assert expected["problems"] == []
    messages: list[str] = []
    for call in range(1000):
        storage = start(memory / str(call))
        with full_from(monkeypatch, call) as calls:
            try:
                ingest_inbox(Ledger(storage), records, SETTINGS, None)
            except StorageError as error:
                messages.append(str(error))
            fitted = calls() <= call
        assert Ledger(storage).verify() == []
        ingest_inbox(Ledger(open_storage(storage.uri)), records, SETTINGS, None)
        assert outcome(storage) == expected, call
        if fitted:
            break
    assert len(messages) >= 40
    assert all(os.strerror(errno.ENOSPC) in text and ADVICE in text for text in messages)


def test_labels_that_do_not_fit_stay_in_the_inbox(small_disk: Path, tmp_path: Path) -> None:
    records = index(tmp_path / "records", [A, B, C])
    storage = start(small_disk / "root")
    inbox = storage.list("inbox")
    filler = small_disk / "filler"
    with pytest.raises(OSError, match="No space"):
        filler.write_bytes(bytes(2_000_000))
    with pytest.raises(StorageError, match=f"No space left.*{ADVICE}"):
        ingest_inbox(Ledger(storage), records, SETTINGS, None)
    assert storage.list("inbox") == inbox
    assert Ledger(storage).verify() == []
    filler.unlink()
    ingest_inbox(Ledger(storage), records, SETTINGS, None)
    assert sorted(Ledger(storage).state().labels) == [A, B]
    assert storage.list("inbox") == []


def test_feedback_add_reports_a_file_that_does_not_fit(tmp_path: Path) -> None:
    """The kernel's limit on the size of a file stands in for a quota."""
    recipe, big = tmp_path / "people.yaml", tmp_path / "a.zip"
    recipe.write_text("name: people\n")
    big.write_bytes(bytes(200_000))
    root = tmp_path / "root"
    create_campaign(open_storage(str(root)), "people", {"name": "people"}, {})
    program = "from pipelines.cli import main; main()"
    words = ["feedback", "add", str(recipe), str(big), "--root", str(root)]
    done = subprocess.run(
        [sys.executable, "-c", program, *words],
        capture_output=True,
        text=True,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000)),
    )
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    assert os.strerror(errno.EFBIG) in done.stderr
    assert ADVICE in done.stderr
    assert open_storage(str(root)).list("inbox") == []
