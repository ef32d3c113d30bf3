"""From a file in the inbox to a label in the ledger: no training, real storage."""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import cv2
import numpy as np
import pytest
from click.testing import CliRunner

from components.contracts.annotation import label_studio, png_mask
from components.contracts.annotation.limits import Limits
from components.contracts.data.records import INDEX, Records
from components.contracts.ledger.campaign import create_campaign
from components.contracts.ledger.inbox import hand_in, put
from components.contracts.ledger.labels import read_label
from components.contracts.ledger.ledger import Ledger
from components.contracts.process.errors import UsageError
from components.contracts.recipe.feedback import FeedbackSettings
from components.contracts.storage import base as storage_module
from components.contracts.storage.base import Storage
from components.contracts.storage.open import open_storage
from components.feedback.inbox import ingest_inbox
from pipelines.cli import main

SIZE = (4, 6)
SETTINGS = FeedbackSettings(allow_unasked=True)


@pytest.fixture
def records(tmp_path: Path) -> Records:
    """An index of two images that may be labeled and one that may not."""
    row = {"city": "a", "height": SIZE[0], "width": SIZE[1], "shard": "x", "offset": 0, "length": 0}
    splits = {"a_0_1": "train", "a_0_2": "train", "a_0_9": "val"}
    rows = {image_id: {**row, "split": split} for image_id, split in splits.items()}
    (tmp_path / INDEX).write_text(json.dumps(rows))
    return Records(tmp_path)


@pytest.fixture
def ledger(tmp_path: Path) -> Ledger:
    return create_campaign(open_storage(str(tmp_path / "root")), "people", {"name": "people"}, {})


def _mask(train_id: int) -> bytes:
    return png_mask.write(np.full(SIZE, train_id, np.uint8))


def test_ingest_accepts_equal_masks_of_two_images_as_two_labels(
    ledger: Ledger, records: Records
) -> None:
    for image_id in ("a_0_1", "a_0_2"):
        put(ledger.storage, png_mask.file_name(image_id), _mask(3))
    ingest_inbox(ledger, records, SETTINGS, None)
    state = ledger.state()
    assert sorted(state.labels) == ["a_0_1", "a_0_2"]
    for image_id, (version,) in state.labels.items():
        assert (read_label(ledger.storage, image_id, version.sha256) == 3).all()
    assert ledger.storage.list("inbox") == []
    assert ledger.verify() == []


def test_ingest_ignores_the_same_file_a_second_time(ledger: Ledger, records: Records) -> None:
    for _ in range(2):
        put(ledger.storage, png_mask.file_name("a_0_1"), _mask(3))
        ingest_inbox(ledger, records, SETTINGS, None)
    assert len(ledger.state().labels["a_0_1"]) == 1
    assert ledger.storage.list("inbox") == []


def test_ingest_finds_images_whose_names_or_sizes_tools_have_changed(
    ledger: Ledger, tmp_path: Path
) -> None:
    row = {"city": "a", "height": SIZE[0], "width": SIZE[1], "shard": "x", "offset": 0, "length": 0}
    ids = ("my street 1", "my street 2")
    (tmp_path / INDEX).write_text(json.dumps({i: {**row, "split": "train"} for i in ids}))
    put(ledger.storage, "my_street_1_trainIds.png", _mask(3))
    region = {"type": "rectanglelabels", "value": {"x": 0, "y": 0, "width": 100, "height": 100}}
    region["value"] |= {"rectanglelabels": ["car"]}
    image = "/data/upload/1/0a1b2c3d-my_street_2.png"
    task = {"data": {"image": image}, "annotations": [{"result": [region]}]}
    put(ledger.storage, "export.json", json.dumps([task]).encode())
    ingest_inbox(ledger, Records(tmp_path), SETTINGS, None)
    assert ledger.storage.list("rejected") == []
    labels = ledger.state().labels
    assert (read_label(ledger.storage, ids[0], labels[ids[0]][0].sha256) == 3).all()
    assert (read_label(ledger.storage, ids[1], labels[ids[1]][0].sha256) == 13).all()


def test_ingest_keeps_the_earlier_version_of_a_relabeled_image(
    ledger: Ledger, records: Records
) -> None:
    for train_id in (3, 5):
        put(ledger.storage, png_mask.file_name("a_0_1"), _mask(train_id))
        ingest_inbox(ledger, records, SETTINGS, None)
    first, last = ledger.state().labels["a_0_1"]
    assert (read_label(ledger.storage, "a_0_1", first.sha256) == 3).all()
    assert (read_label(ledger.storage, "a_0_1", last.sha256) == 5).all()


def test_ingest_keeps_rejected_parts_with_a_reason_and_accepts_the_rest(
    ledger: Ledger, records: Records
) -> None:
    good = label_studio.write_task("a_0_1", "a.png", np.full(SIZE, 8, np.uint8))
    tasks = []
    for image_id in ("a_0_1", "a_0_9", "unknown"):
        result = good["predictions"][0]["result"]
        tasks.append({"data": {"image_id": image_id}, "annotations": [{"result": result}]})
    data = json.dumps(tasks).encode()
    put(ledger.storage, "export.json", data)
    ingest_inbox(ledger, records, SETTINGS, None)
    assert sorted(ledger.state().labels) == ["a_0_1"]
    kept, reason = sorted(ledger.storage.list("rejected"))
    assert ledger.storage.read(kept) == data
    refused = json.loads(ledger.storage.read(reason))["refused"]
    assert len(refused) == 2
    assert all(row["reason"] for row in refused)


def test_ingest_leaves_part_files_and_dotfiles_alone(ledger: Ledger, records: Records) -> None:
    for name in ("export.json.part", ".export.json"):
        ledger.storage.write(f"inbox/{name}", b"[{")
    ingest_inbox(ledger, records, SETTINGS, None)
    assert len(ledger.storage.list("inbox")) == 2
    assert ledger.storage.list("rejected") == []


def test_ingest_does_not_lose_a_file_that_replaces_the_one_being_read(
    ledger: Ledger, records: Records, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = f"inbox/{png_mask.file_name('a_0_1')}"
    ledger.storage.write(name, _mask(3))
    read = type(ledger.storage).read

    def replaced(self: Storage, wanted: str) -> bytes:
        data = read(self, wanted)
        if wanted == name and data == _mask(3):
            self.write(name, _mask(5))
        return data

    monkeypatch.setattr(type(ledger.storage), "read", replaced)
    ingest_inbox(ledger, records, SETTINGS, None)
    assert ledger.storage.list("inbox") == [name]
    ingest_inbox(ledger, records, SETTINGS, None)
    assert ledger.storage.list("inbox") == []
    assert len(ledger.state().labels["a_0_1"]) == 2


def test_ingest_leaves_a_growing_file_for_the_next_cycle(
    tmp_path: Path,
    ledger: Ledger,
    records: Records,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    data, copied = _mask(3), tmp_path / "root/inbox" / png_mask.file_name("a_0_1")
    copied.parent.mkdir(exist_ok=True)
    third = len(data) // 3
    with copied.open("wb", buffering=0) as file:
        file.write(data[:third])
        monkeypatch.setattr("time.sleep", lambda seconds: file.write(data[third : 2 * third]))
        ingest_inbox(ledger, records, SETTINGS, None)
        assert "still growing" in caplog.text
        assert (ledger.state().version, ledger.storage.list("rejected")) == (0, [])
        file.write(data[2 * third :])
    ingest_inbox(ledger, records, SETTINGS, None)
    assert sorted(ledger.state().labels) == ["a_0_1"]
    assert ledger.storage.list("inbox") == []


def test_ingest_accepts_a_copy_that_completes_during_the_wait(
    tmp_path: Path, ledger: Ledger, records: Records, monkeypatch: pytest.MonkeyPatch
) -> None:
    data, copied = _mask(3), tmp_path / "root/inbox" / png_mask.file_name("a_0_1")
    copied.parent.mkdir(exist_ok=True)
    copied.write_bytes(data[: len(data) // 2])
    monkeypatch.setattr("time.sleep", lambda seconds: copied.write_bytes(data))
    ingest_inbox(ledger, records, SETTINGS, None)
    assert sorted(ledger.state().labels) == ["a_0_1"]


def test_ingest_rejects_a_file_that_stays_unreadable_in_the_same_cycle(
    tmp_path: Path, ledger: Ledger, records: Records, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("components.contracts.storage.folder.SETTLED_S", 0.5)
    monkeypatch.setattr("components.feedback.inbox.SETTLED_S", 0.6)
    copied = tmp_path / "root/inbox/wrong.json"
    copied.parent.mkdir(exist_ok=True)
    copied.write_bytes(b"[1")
    ingest_inbox(ledger, records, SETTINGS, None)
    assert not copied.exists()
    assert len(ledger.storage.list("rejected")) == 2


def test_ingest_rejects_a_file_that_is_too_large_without_reading_it(
    storage: Storage, records: Records, monkeypatch: pytest.MonkeyPatch
) -> None:
    ledger = create_campaign(storage, "people", {"name": "people"}, {})
    small = Limits(max_file_bytes=1000)
    monkeypatch.setattr("components.feedback.inbox.Limits", lambda: small)
    read = type(storage).read

    def careful(self: Storage, name: str) -> bytes:
        assert not name.startswith("inbox/")
        return read(self, name)

    monkeypatch.setattr(type(storage), "read", careful)
    for _ in range(2):  # a second hand-in adds no event
        storage.write("inbox/@ann/large.json", bytes(1001))
        ingest_inbox(ledger, records, SETTINGS, None)
        assert storage.list("inbox") == []
    (event,) = ledger.events()[1:]
    assert "at most" in event.payload.refused[0].reason
    kept, reason = storage.list("rejected")
    assert storage.read(kept) == bytes(1001)
    reason_file = json.loads(storage.read(reason))
    assert reason_file["file"] == "@ann/large.json"
    assert reason_file["refused"] == [row.model_dump() for row in event.payload.refused]


def test_ingest_ends_in_the_same_labels_after_a_kill_at_any_durable_write(
    tmp_path: Path, records: Records, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Killed(BaseException):
        """Like SIGKILL, nothing catches it."""

    small = Limits(max_file_bytes=3000)
    monkeypatch.setattr("components.feedback.inbox.Limits", lambda: small)
    kills = 0
    for phase in ("before", "after"):
        for at in range(100):
            storage = open_storage(str(tmp_path / f"root-{phase}-{at}"))
            ledger = create_campaign(storage, "people", {"name": "people"}, {})
            put(storage, png_mask.file_name("a_0_1"), _mask(3))
            put(storage, "wrong.json", b"[1]")
            put(storage, "large.json", bytes(4000))
            seen = 0

            def observer(
                now: str, operation: str, name: str, at: int = at, phase: str = phase
            ) -> None:
                nonlocal seen
                if now == phase:
                    seen += 1
                    if seen == at + 1:
                        raise Killed

            monkeypatch.setattr(storage_module, "observer", observer)
            try:
                ingest_inbox(ledger, records, SETTINGS, None)
                finished = True
            except Killed:
                finished = False
            monkeypatch.setattr(storage_module, "observer", None)
            again = Ledger(open_storage(storage.uri))
            ingest_inbox(again, records, SETTINGS, None)
            assert sorted(again.state().labels) == ["a_0_1"]
            assert len(again.state().labels["a_0_1"]) == 1
            assert storage.list("inbox") == []
            assert len(storage.list("rejected")) == 4
            told = [r.name for e in again.events()[1:] for r in e.payload.refused]
            assert sorted(told) == ["large.json", "wrong.json: task 1"]
            assert again.verify() == []
            if finished:
                break
            kills += 1
    assert kills >= 10


def test_feedback_add_copies_files_under_their_own_names(tmp_path: Path) -> None:
    recipe = tmp_path / "people.yaml"
    recipe.write_text("name: people\n")
    mask = tmp_path / "a_0_1_labelTrainIds.png"
    cv2.imwrite(str(mask), np.full(SIZE, 3, np.uint8))
    root = tmp_path / "root"
    create_campaign(open_storage(str(root)), "people", {"name": "people"}, {})
    where = [str(recipe), "--root", str(root)]
    done = CliRunner().invoke(main, ["feedback", "add", *where, str(mask)])
    assert done.exit_code == 0, done.output
    assert (root / "inbox" / mask.name).read_bytes() == mask.read_bytes()
    cv2.imwrite(str(mask), np.full(SIZE, 4, np.uint8))
    assert CliRunner().invoke(main, ["feedback", "add", *where, str(mask)]).exit_code == 0
    assert len(open_storage(str(root)).list("inbox")) == 2
    listed = CliRunner().invoke(main, ["feedback", "list", *where])
    assert "/inbox: 2 files." in listed.output
    absent = CliRunner().invoke(
        main, ["feedback", "add", *where, str(tmp_path / "no.png"), str(mask)]
    )
    assert absent.exit_code == 2
    assert "Nothing was copied" in absent.output


def test_nothing_is_handed_in_if_a_file_may_not_be_read(tmp_path: Path) -> None:
    storage = open_storage(str(tmp_path / "root"))
    # Not in tmp_path, which nobody else may enter.
    with tempfile.TemporaryDirectory() as name, as_ordinary_user(Path(name)):
        good, locked = Path(name) / "good.json", Path(name) / "locked.json"
        for path in (good, locked):
            path.write_text("{}")
        locked.chmod(0)
        with pytest.raises(UsageError, match=r"Not a file that can be read: .*locked\.json"):
            hand_in(storage, [good, locked])
    assert storage.list("inbox") == []


@contextmanager
def as_ordinary_user(folder: Path) -> Iterator[None]:
    """Give up root's right to read everything, in a folder that the ordinary user owns."""
    user = os.geteuid()
    if user == 0:
        os.chown(folder, 65534, -1)
        os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(user)


def test_feedback_commands_reject_a_root_without_a_campaign(tmp_path: Path) -> None:
    recipe, mask = tmp_path / "people.yaml", tmp_path / "a_0_1_labelTrainIds.png"
    recipe.write_text("name: people\n")
    mask.write_bytes(_mask(3))
    for words in (["add", str(recipe), str(mask)], ["list", str(recipe)]):
        done = CliRunner().invoke(main, ["feedback", *words, "--root", str(tmp_path / "mistyped")])
        assert done.exit_code == 1
        assert f"No campaign in {tmp_path}/mistyped" in done.output
    assert not (tmp_path / "mistyped").exists()
