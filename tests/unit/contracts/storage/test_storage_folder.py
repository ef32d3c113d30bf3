"""What only a campaign root in a folder does."""

from __future__ import annotations

import errno
import os
import shutil
from pathlib import Path

import pytest

from components.contracts.storage.errors import StorageError
from components.contracts.storage.folder import FolderStorage


def test_move_leaves_a_changed_file_alone(tmp_path: Path) -> None:
    storage = FolderStorage(tmp_path)
    storage.write("inbox/a", b"one")
    seen = storage.stamp("inbox/a")
    storage.write("inbox/a", b"two")
    storage.move("inbox/a", "rejected/a", seen)
    assert storage.list() == ["inbox/a"]


def test_stamp_is_whole_after_a_rename_or_a_rest(memory: Path) -> None:
    storage = FolderStorage(memory)
    for number in range(100):  # in memory: written and named in one tick of the clock
        storage.create(f"{number}", b"[")
        storage.write("a", b"[")
        assert storage.stamp(f"{number}").whole
        assert storage.stamp("a").whole
    (memory / "copied").write_bytes(b"[")
    assert not storage.stamp("copied").whole
    os.utime(memory / "copied", (0, 0))
    assert storage.stamp("copied").whole


def test_put_file_onto_itself_keeps_the_file(tmp_path: Path) -> None:
    storage = FolderStorage(tmp_path)
    storage.write("a/x", b"content")
    storage.put_file(tmp_path / "a" / "x", "a/x")
    assert storage.read("a/x") == b"content"


def test_file_system_without_hard_links_is_rejected(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_links(*_: object) -> None:
        raise PermissionError(errno.EPERM, os.strerror(errno.EPERM))

    monkeypatch.setattr(os, "link", no_links)
    with pytest.raises(StorageError, match="without hard links"):
        FolderStorage(tmp_path / "root").check_usable()


def test_full_disk_is_named_and_leaves_no_partial_file(small_disk: Path) -> None:
    storage = FolderStorage(small_disk / "root")
    storage.write("kept", b"kept")
    for change in (storage.create, storage.write):
        with pytest.raises(StorageError, match="No space left") as caught:
            change("big", b"x" * 5_000_000)
        assert str(small_disk) in str(caught.value)
        assert "Free space" in str(caught.value)
    assert storage.list() == ["kept"]
    assert list((small_disk / "root" / ".streetloop" / "tmp").iterdir()) == []
    storage.write("small", b"x" * 1000)


def test_leftovers_of_a_killed_process_are_hidden_and_deleted_after_a_day(tmp_path: Path) -> None:
    storage = FolderStorage(tmp_path)
    storage.write("a", b"")
    old, new = (tmp_path / ".streetloop" / "tmp" / name for name in ("old", "new"))
    for leftover in (old, new):
        leftover.write_bytes(b"half")
    os.utime(old, (0, 0))
    storage.tidy()
    assert storage.list() == ["a"]
    assert new.exists()
    assert not old.exists()


@pytest.mark.parametrize("code", [errno.EACCES, errno.ENOTEMPTY])
def test_a_leftover_that_cannot_be_deleted_stays_and_the_others_go(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: int
) -> None:
    storage = FolderStorage(tmp_path)
    storage.write("a", b"")
    leftovers = [tmp_path / ".streetloop" / "tmp" / str(number) for number in range(5)]
    for leftover in leftovers:
        leftover.mkdir()
        os.utime(leftover, (0, 0))
    foreign, delete = leftovers[2], shutil.rmtree

    def rmtree(path: Path) -> None:
        if path == foreign:
            raise OSError(code, os.strerror(code), str(path))
        delete(path)

    monkeypatch.setattr(shutil, "rmtree", rmtree)
    storage.tidy()
    assert [leftover for leftover in leftovers if leftover.exists()] == [foreign]
