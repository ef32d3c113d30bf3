"""The storage contract, on a folder and on a real storage server."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from components.contracts.process.errors import UsageError
from components.contracts.storage import base as storage_module
from components.contracts.storage.base import Storage, StorageError
from components.contracts.storage.folder import FolderStorage
from components.contracts.storage.open import open_storage


def test_what_is_written_is_read_and_a_write_replaces(storage: Storage) -> None:
    storage.write("a/b.bin", b"one")
    storage.write("a/b.bin", b"\x00two")
    assert storage.read("a/b.bin") == b"\x00two"
    assert storage.exists("a/b.bin")
    assert not storage.exists("a")
    assert not storage.exists("a/c")


@pytest.mark.parametrize("name", ["missing", "a", "a/b.bin/c"])
def test_reading_what_is_no_file_says_that_it_is_missing(storage: Storage, name: str) -> None:
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


def test_a_prefix_is_a_folder_and_not_the_start_of_a_name(storage: Storage) -> None:
    for name in ("work/1/x", "work/1/y/z", "work/10/x", "work/1x"):
        storage.write(name, b"")
    assert storage.list("work/1") == storage.list("work/1/") == ["work/1/x", "work/1/y/z"]
    assert storage.list() == ["work/1/x", "work/1/y/z", "work/10/x", "work/1x"]
    assert storage.list("nothing") == []
    storage.delete_prefix("work/1")
    assert storage.list() == ["work/10/x", "work/1x"]


def test_deleting_what_is_missing_is_fine(storage: Storage) -> None:
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
def test_a_name_outside_the_root_is_refused(storage: Storage, name: str) -> None:
    with pytest.raises(StorageError, match="relative name"):
        storage.write(name, b"")
    with pytest.raises(StorageError, match="relative name"):
        storage.read(name)


def test_the_whole_root_is_never_deleted_by_prefix(storage: Storage) -> None:
    storage.write("a", b"")
    for prefix in ("", "/"):
        with pytest.raises(StorageError, match="relative name"):
            storage.delete_prefix(prefix)
    assert storage.list() == ["a"]


def test_put_dir_leaves_exactly_the_folders_files(storage: Storage, tmp_path: Path) -> None:
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
    with pytest.raises(StorageError, match="Expected a folder"):
        storage.put_dir(local / "x.bin", "models/m")


def test_the_last_file_of_put_dir_tells_that_all_are_there(
    storage: Storage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    local = tmp_path / "local"
    (local / "sub").mkdir(parents=True)
    for name in ("index.json", "x.bin", "sub/y.bin"):
        (local / name).write_bytes(b"new")
        storage.write(f"records/r/{name}", b"old")

    def observer(phase: str, operation: str, name: str) -> None:
        if operation == "put_file":
            there = {n: storage.read(n) for n in storage.list("records/r")}
            assert "records/r/index.json" not in there or set(there.values()) == {b"new"}

    monkeypatch.setattr(storage_module, "observer", observer)
    storage.put_dir(local, "records/r", last="index.json")
    assert storage.read("records/r/index.json") == b"new"


def test_only_what_was_seen_is_deleted_or_moved(
    storage: Storage, monkeypatch: pytest.MonkeyPatch
) -> None:
    from google.api_core.exceptions import PreconditionFailed
    from google.cloud.storage import Blob

    real = Blob.delete

    def delete(self: Blob, if_generation_match: int | None = None, **options: object) -> None:
        # As the service does, and the test server does not.
        self.reload()
        if if_generation_match not in (None, self.generation):
            raise PreconditionFailed("conditionNotMet")
        real(self, **options)

    monkeypatch.setattr(Blob, "delete", delete)
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


def test_a_file_that_changed_is_not_moved(tmp_path: Path) -> None:
    storage = FolderStorage(tmp_path)
    storage.write("inbox/a", b"one")
    seen = storage.stamp("inbox/a")
    storage.write("inbox/a", b"two")
    storage.move("inbox/a", "rejected/a", seen)
    assert storage.list() == ["inbox/a"]


def test_a_file_in_a_folder_is_whole_once_it_was_renamed_or_rests(memory: Path) -> None:
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


def test_put_file_of_the_file_itself_keeps_it(tmp_path: Path) -> None:
    storage = FolderStorage(tmp_path)
    storage.write("a/x", b"content")
    storage.put_file(tmp_path / "a" / "x", "a/x")
    assert storage.read("a/x") == b"content"


def test_local_dir_follows_what_changes(
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


def test_local_dir_of_a_bucket_downloads_only_what_changed(
    gcs_root: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("STREETLOOP_CACHE", str(tmp_path / "cache"))
    storage = open_storage(gcs_root)
    storage.write("r/a", b"one")
    storage.write("r/b", b"two")
    folder = storage.local_dir("r")
    before = {name: (folder / name).stat().st_ino for name in "ab"}
    storage.write("r/b", b"TWO")
    (folder / "stray").write_bytes(b"")
    storage.local_dir("r")
    after = {path.name: path.stat().st_ino for path in folder.iterdir()}
    assert after["a"] == before["a"]
    assert after["b"] != before["b"]
    assert set(after) == {"a", "b"}


def test_the_observer_sees_every_durable_change(
    storage: Storage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[tuple[str, str, str]] = []
    monkeypatch.setattr(storage_module, "observer", lambda *told: seen.append(told))
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
    assert [told[1:] for told in seen if told[0] == "after"] == expected
    assert [told[1:] for told in seen if told[0] == "before"] == [expected[0], *expected]


def test_check_usable_leaves_nothing_behind(storage: Storage) -> None:
    storage.check_usable()
    assert storage.list() == []


def test_a_missing_bucket_is_named(gcs_root: str) -> None:
    storage = open_storage("gs://no-such-bucket/x")
    for use in (storage.check_usable, storage.list, lambda: storage.write("a", b"")):
        with pytest.raises(StorageError, match="no bucket 'no-such-bucket'"):
            use()


def test_a_token_out_of_reach_is_told_apart_from_missing_rights(
    gcs_root: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    from google.auth.exceptions import GoogleAuthError, RefreshError, TransportError
    from google.cloud.storage import Blob

    def failing(error: GoogleAuthError) -> Callable[..., None]:
        def exists(*_: object, **__: object) -> None:
            raise error

        return exists

    for error, told in ((TransportError("no route"), "network"), (RefreshError("no"), "role")):
        monkeypatch.setattr(Blob, "exists", failing(error))
        with pytest.raises(StorageError, match=told):
            open_storage(gcs_root).exists("a")


@pytest.mark.parametrize("uri", ["", "s3://bucket/x", "gs://", "gs:///x", "gs://bucket/../x"])
def test_an_address_that_is_no_root_is_refused(uri: str) -> None:
    with pytest.raises(UsageError):
        open_storage(uri)


def test_a_folder_address_may_be_a_file_uri(tmp_path: Path) -> None:
    assert open_storage(f"file://{tmp_path}/root").uri == str(tmp_path / "root")


def test_a_file_system_without_hard_links_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_links(*_: object) -> None:
        raise PermissionError(errno.EPERM, os.strerror(errno.EPERM))

    monkeypatch.setattr(os, "link", no_links)
    with pytest.raises(StorageError, match="without hard links"):
        FolderStorage(tmp_path / "root").check_usable()


def test_a_full_disk_is_named_and_nothing_half_written_stays(small_disk: Path) -> None:
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


def test_leftovers_of_a_killed_process_are_not_listed_and_go_after_a_day(tmp_path: Path) -> None:
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
