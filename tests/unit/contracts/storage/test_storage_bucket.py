"""What only a campaign root in a bucket does, on a real server of each service."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from components.contracts.storage.errors import StorageError
from components.contracts.storage.open import open_storage
from tests.support.buckets import Service


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
