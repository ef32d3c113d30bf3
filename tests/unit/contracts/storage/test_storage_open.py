"""Which addresses a campaign root may have."""

from __future__ import annotations

from pathlib import Path

import pytest

from components.contracts.process.errors import UsageError
from components.contracts.process.uri import is_local
from components.contracts.storage.open import open_storage


@pytest.mark.parametrize(
    "uri",
    ["", "ftp://bucket/x", "gs://", "gs:///x", "gs://bucket/../x", "s3://", "s3://bucket/../x"],
)
def test_open_rejects_an_address_that_is_not_a_root(uri: str) -> None:
    with pytest.raises(UsageError):
        open_storage(uri)


def test_open_accepts_a_file_uri(tmp_path: Path) -> None:
    assert open_storage(f"file://{tmp_path}/root").uri == str(tmp_path / "root")


def test_is_local_tells_folders_from_object_stores() -> None:
    assert all(map(is_local, ["runs/a", "/runs/a", "file:///runs/a", "gs"]))
    assert not any(map(is_local, ["gs://bucket/a", "s3://bucket/a"]))
