"""Malformed exports through the whole ingestion: never an exception, a silence, or a partial ingestion."""

from __future__ import annotations

import hashlib
import json
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from components.contracts.data.records import Records
from components.contracts.ledger.events import LabelsAccepted
from components.contracts.ledger.inbox import put
from components.contracts.ledger.labels import read_label
from components.contracts.ledger.layout import INBOX, REJECTED
from components.contracts.ledger.ledger import Ledger
from components.contracts.recipe.feedback import FeedbackSettings
from components.feedback.inbox import ingest_inbox
from tests.support.damage import examples
from tests.support.hostile_exports import (
    TREES,
    damaged,
    distorted,
    is_a_reason,
    label_studio,
    png_files,
    strokes,
    zip_files,
)
from tests.support.ingest_worker import campaign, index

SIZE = (3, 4)  # of the label maps in the sound exports
IMAGES = ("a", "a_1", "a_2")
EXAMPLES = {"damaged": 700, "distorted": 700, "json": 200, "png": 200, "strokes": 200, "zip": 300}
assert sum(EXAMPLES.values()) >= 2000


class Inbox:
    """One campaign that ingests all files."""

    def __init__(self, top: Path) -> None:
        self.ledger: Ledger = campaign(str(top / "root"), IMAGES)
        self.records: Records = index(top / "records", IMAGES, SIZE)
        self.seen: set[str] = set()

    def must_hold(self, name: str, data: bytes) -> None:
        """Assert what holds for any file that a person hands in."""
        ledger, storage = self.ledger, self.ledger.storage
        before = ledger.state().version
        put(storage, name, data)
        ingest_inbox(ledger, self.records, FeedbackSettings(max_ignore=1.0), None)
        assert storage.list(INBOX) == []
        sha256 = hashlib.sha256(data).hexdigest()
        told = False
        for event in ledger.events()[before + 1 :]:
            assert event.kind in ("labels_accepted", "task_skipped")
            if not isinstance(event.payload, LabelsAccepted):
                continue
            for label in event.payload.labels:
                assert label.image_id in IMAGES
                assert read_label(storage, label.image_id, label.sha256).shape == SIZE
            if event.payload.file_sha256 == sha256:
                assert not told, "two events for one file"
                told = True
                self._reasons_are_kept(event.key.split("/")[1], event.payload)
        assert told or sha256 in self.seen
        self.seen.add(sha256)

    def _reasons_are_kept(self, identity: str, payload: LabelsAccepted) -> None:
        storage, reason = self.ledger.storage, f"{REJECTED}/{identity}/reason.json"
        assert storage.exists(reason) == bool(payload.refused)
        if payload.refused:
            rows = json.loads(storage.read(reason))["refused"]
            assert rows == [row.model_dump() for row in payload.refused]
            assert all(is_a_reason(row["reason"]) for row in rows)


@pytest.fixture(scope="module")
def inbox() -> Iterator[Inbox]:
    memory = Path("/dev/shm")
    with tempfile.TemporaryDirectory(dir=memory if memory.is_dir() else None) as top:
        inbox = Inbox(Path(top))
        yield inbox
        assert inbox.ledger.verify() == []


@given(parts=damaged())
@examples(EXAMPLES["damaged"])
def test_ingest_survives_damaged_files(inbox: Inbox, parts: tuple[str, bytes]) -> None:
    inbox.must_hold(*parts)


@given(parts=distorted())
@examples(EXAMPLES["distorted"])
def test_ingest_survives_distorted_json(inbox: Inbox, parts: tuple[str, bytes]) -> None:
    inbox.must_hold(*parts)


@given(value=TREES)
@examples(EXAMPLES["json"])
def test_ingest_survives_any_json(inbox: Inbox, value: object) -> None:
    inbox.must_hold("export.json", json.dumps(value).encode())


@given(data=png_files(), name=st.sampled_from(["a_labelIds.png", "a_color.png", "a.png"]))
@examples(EXAMPLES["png"])
def test_ingest_survives_png_files_that_lie(inbox: Inbox, data: bytes, name: str) -> None:
    inbox.must_hold(name, data)


@given(stroke=strokes())
@examples(EXAMPLES["strokes"])
def test_ingest_survives_brush_strokes_of_random_data(inbox: Inbox, stroke: list[int]) -> None:
    tasks = label_studio()
    tasks[0]["annotations"][0]["result"][0]["value"]["rle"] = stroke
    inbox.must_hold("export.json", json.dumps(tasks).encode())


@given(data=zip_files())
@examples(EXAMPLES["zip"])
def test_ingest_survives_zips_that_lie(inbox: Inbox, data: bytes) -> None:
    inbox.must_hold("job.zip", data)


def test_ingest_accepts_a_sound_file_among_hostile_ones(inbox: Inbox) -> None:
    inbox.must_hold("export.json", json.dumps(label_studio()).encode())
    assert "a_1" in inbox.ledger.state().labels
