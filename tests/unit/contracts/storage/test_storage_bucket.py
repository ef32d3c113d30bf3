"""What only a campaign root in a bucket does, on a real storage server."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from components.contracts.storage.errors import StorageError
from components.contracts.storage.open import open_storage


def test_local_dir_downloads_only_what_changed(
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


def test_missing_bucket_is_named(gcs_root: str) -> None:
    storage = open_storage("gs://no-such-bucket/x")
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
