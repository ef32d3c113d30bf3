"""What only a campaign root in a bucket does, on a real server of each service."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from components.contracts.storage.cache import cache_folder
from components.contracts.storage.errors import StorageError
from components.contracts.storage.open import open_storage
from tests.support.buckets import Service
from tfds_cityscapes.files import walk_folder


def test_local_dir_downloads_only_what_changed(
    service: Service, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("STREETLOOP_CACHE", str(tmp_path / "cache"))
    storage = open_storage(service.root)
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


def test_copies_of_the_same_objects_are_the_same_data_set(
    service: Service, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    storage = open_storage(service.root)
    for name in ("leftImg8bit/train/aa/aa_0_0_leftImg8bit.png", "leftImg8bit/val/bb/bb_0_0.png"):
        storage.write(f"data/{name}", b"one")

    def stamps(cache: str) -> list[str]:
        monkeypatch.setenv("STREETLOOP_CACHE", str(tmp_path / cache))
        cache_folder.cache_clear()  # as another process
        return [file.stamp for file in walk_folder(storage.local_dir("data")).files]

    first = stamps("one pod")
    assert stamps("another") == first
    storage.write("data/leftImg8bit/val/bb/bb_0_0.png", b"TWO")
    kept, changed = (one == other for one, other in zip(first, stamps("a third"), strict=True))
    assert (kept, changed) == (True, False)
    cache_folder.cache_clear()


def test_missing_bucket_is_named(service: Service) -> None:
    scheme = service.root.partition("://")[0]
    storage = open_storage(f"{scheme}://no-such-bucket/x")
    for use in (storage.check_usable, storage.list, lambda: storage.write("a", b"")):
        with pytest.raises(StorageError, match="no bucket 'no-such-bucket'"):
            use()


def test_unreachable_token_is_not_reported_as_denied_access(
    gcs_root: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    from google.auth.exceptions import GoogleAuthError, RefreshError, TransportError
    from google.cloud.storage import Blob

    def failing(error: GoogleAuthError) -> Callable[..., None]:
        def exists(*_: object, **__: object) -> None:
            raise error

        return exists

    for error, word in ((TransportError("no route"), "network"), (RefreshError("no"), "role")):
        monkeypatch.setattr(Blob, "exists", failing(error))
        with pytest.raises(StorageError, match=word):
            open_storage(gcs_root).exists("a")
