"""The contract of `Storage`: every test runs over each implementation (the fixture `storage`)."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path

import pytest

from components.contracts.storage import base as storage_module
from components.contracts.storage.base import Storage
from components.contracts.storage.errors import StorageError


def test_write_replaces_and_read_returns_the_content(storage: Storage) -> None:
    storage.write("a/b.bin", b"one")
    storage.write("a/b.bin", b"\x00two")
    assert storage.read("a/b.bin") == b"\x00two"
    assert storage.exists("a/b.bin")
    assert not storage.exists("a")
    assert not storage.exists("a/c")


@pytest.mark.parametrize("name", ["missing", "a", "a/b.bin/c"])
def test_read_of_anything_but_a_file_raises_file_not_found(storage: Storage, name: str) -> None:
    storage.write("a/b.bin", b"one")
    with pytest.raises(FileNotFoundError):
        storage.read(name)
    with pytest.raises(FileNotFoundError):
        storage.get_file(name, Path("unused"))


def test_create_never_replaces(storage: Storage) -> None:
    storage.create("ledger/000000.json", b"first")
    with pytest.raises(FileExistsError):
        storage.create("ledger/000000.json", b"second")
    assert storage.read("ledger/000000.json") == b"first"


def test_exactly_one_of_several_writers_creates_a_name(storage: Storage) -> None:
    def create(number: int) -> int | None:
        try:
            storage.create("ledger/000000.json", bytes([number]))
        except FileExistsError:
            return None
        return number

    with ThreadPoolExecutor(8) as pool:
        (winner,) = (number for number in pool.map(create, range(8)) if number is not None)
    assert storage.read("ledger/000000.json") == bytes([winner])


def test_prefix_is_a_folder_and_not_the_start_of_a_name(storage: Storage) -> None:
    for name in ("work/1/x", "work/1/y/z", "work/10/x", "work/1x"):
        storage.write(name, b"")
    assert storage.list("work/1") == storage.list("work/1/") == ["work/1/x", "work/1/y/z"]
    assert storage.list() == ["work/1/x", "work/1/y/z", "work/10/x", "work/1x"]
    assert storage.list("nothing") == []
    storage.delete_prefix("work/1")
    assert storage.list() == ["work/10/x", "work/1x"]


def test_delete_accepts_a_name_that_does_not_exist(storage: Storage) -> None:
    storage.write("a/b", b"")
    storage.delete("missing")
    storage.delete("a/b/c")
    storage.delete("a")
    storage.delete_prefix("missing/")
    storage.delete_prefix("a/b")
    assert storage.list() == ["a/b"]
    storage.delete("a/b")
    assert storage.list() == []


@pytest.mark.parametrize(
    "name", ["", "/etc/passwd", "../x", "a/../../x", "a//b", "a/", ".", "a\nb", ".streetloop/lock"]
)
def test_name_outside_the_root_is_rejected(storage: Storage, name: str) -> None:
    with pytest.raises(StorageError, match="relative name"):
        storage.write(name, b"")
    with pytest.raises(StorageError, match="relative name"):
        storage.read(name)


def test_delete_prefix_never_deletes_the_whole_root(storage: Storage) -> None:
    storage.write("a", b"")
    for prefix in ("", "/"):
        with pytest.raises(StorageError, match="relative name"):
            storage.delete_prefix(prefix)
    assert storage.list() == ["a"]


def test_put_dir_leaves_exactly_the_files_of_the_folder(storage: Storage, tmp_path: Path) -> None:
    storage.write("models/m/partial.tmp", b"from a killed attempt")
    storage.write("models/m/x.bin", b"old")
    storage.write("models/m2/x.bin", b"neighbour")
    local = tmp_path / "local"
    (local / "sub").mkdir(parents=True)
    (local / "x.bin").write_bytes(b"new")
    (local / "sub" / "y.bin").write_bytes(b"y" * 100_000)
    storage.put_dir(local, "models/m")
    assert storage.list("models") == ["models/m/sub/y.bin", "models/m/x.bin", "models/m2/x.bin"]
    assert storage.read("models/m/x.bin") == b"new"

    assert storage.read("models/m/sub/y.bin") == b"y" * 100_000
    with pytest.raises(StorageError, match="is not a folder"):
        storage.put_dir(local / "x.bin", "models/m")


def test_put_dir_copies_the_last_file_after_all_others(
    storage: Storage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    local = tmp_path / "local"
    (local / "sub").mkdir(parents=True)
    for name in ("index.json", "x.bin", "sub/y.bin"):
        (local / name).write_bytes(b"new")
        storage.write(f"records/r/{name}", b"old")

    def observer(phase: str, operation: str, name: str) -> None:
        if operation == "put_file":
            present = {n: storage.read(n) for n in storage.list("records/r")}
            assert "records/r/index.json" not in present or set(present.values()) == {b"new"}

    monkeypatch.setattr(storage_module, "observer", observer)
    storage.put_dir(local, "records/r", last="index.json")
    assert storage.read("records/r/index.json") == b"new"


@pytest.mark.usefixtures("conditional_deletes")
def test_delete_and_move_leave_a_changed_file_alone(storage: Storage) -> None:
    storage.write("inbox/a", b"one")
    seen = storage.stamp("inbox/a")
    assert (seen.size, seen.whole) == (3, True)
    assert abs((datetime.now(UTC) - seen.arrived).total_seconds()) < 60
    storage.write("inbox/a", b"two")  # of the same size
    storage.delete("inbox/a", seen)
    assert storage.read("inbox/a") == b"two"
    storage.delete("inbox/a", storage.stamp("inbox/a"))
    assert storage.list() == []
    storage.delete("inbox/a", seen)
    storage.move("inbox/a", "rejected/a", seen)
    with pytest.raises(FileNotFoundError):
        storage.stamp("inbox/a")
    storage.write("inbox/a", b"three")
    storage.write("rejected/a", b"older")
    storage.move("inbox/a", "rejected/a", storage.stamp("inbox/a"))
    assert storage.list() == ["rejected/a"]
    assert storage.read("rejected/a") == b"three"


def test_local_dir_follows_changes(
    storage: Storage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("STREETLOOP_CACHE", str(tmp_path / "cache"))
    with pytest.raises(FileNotFoundError):
        storage.local_dir("records/r")
    storage.write("records/r/a", b"one")
    storage.write("records/r/b/c", b"two")
    folder = storage.local_dir("records/r")
    assert (folder / "b" / "c").read_bytes() == b"two"
    storage.write("records/r/a", b"ONE")
    storage.delete("records/r/b/c")
    assert storage.local_dir("records/r") == folder
    assert (folder / "a").read_bytes() == b"ONE"
    assert not (folder / "b" / "c").exists()


def test_observer_sees_every_durable_change(
    storage: Storage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[tuple[str, str, str]] = []
    monkeypatch.setattr(storage_module, "observer", lambda *change: seen.append(change))
    (tmp_path / "f").write_bytes(b"f")
    storage.create("a", b"")
    with pytest.raises(FileExistsError):
        storage.create("a", b"")
    storage.write("b", b"")
    storage.put_file(tmp_path / "f", "d/f")
    storage.delete("a")
    storage.delete_prefix("d")
    expected = [("create", "a"), ("write", "b"), ("put_file", "d/f"), ("delete", "a")]
    expected += [("delete_prefix", "d")]
    assert [change[1:] for change in seen if change[0] == "after"] == expected
    assert [change[1:] for change in seen if change[0] == "before"] == [expected[0], *expected]


def test_check_usable_leaves_nothing_behind(storage: Storage) -> None:
    storage.check_usable()
    assert storage.list() == []
