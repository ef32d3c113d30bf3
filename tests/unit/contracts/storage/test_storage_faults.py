"""What a bucket's storage does when requests fail, on a real server of each service."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from components.contracts.storage.base import Storage
from components.contracts.storage.errors import StorageError
from tests.support.buckets import Service, open_with
from tests.support.fault_proxy import FaultProxy, fault_proxy

MIB = 1 << 20
CHUNKS = {"gcs": 4 * MIB, "s3": 5 * MIB}  # S3 accepts no smaller piece but the last


@pytest.fixture
def proxied(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> Iterator[tuple[FaultProxy, Storage]]:
    """A bucket behind a proxy; files are sent in small pieces, of which 11 MiB are three."""
    module = {"gcs": "gcs_upload", "s3": "s3"}[service.kind]
    chunk = f"components.contracts.storage.{module}.CHUNK_BYTES"
    monkeypatch.setattr(chunk, CHUNKS[service.kind])
    with fault_proxy(service.url, silence_s=1.0) as proxy, service.pointed_at(proxy.url):
        yield (
            proxy,
            open_with(service.root, request_timeout_s=10.0, deadline_s=3.0, first_delay_s=0.01),
        )


@pytest.fixture
def big(tmp_path: Path) -> Path:
    path = tmp_path / "big"
    path.write_bytes(os.urandom(11 * MIB))
    return path


@pytest.mark.parametrize(
    "script",
    [
        # The upload's start, then the first piece: busy once, then stored without an answer.
        [None, "busy", None, "stored"],
        # The last request: its answer is lost, and the upload is closed when it is sent again.
        [None, None, None, None, "stored"],
        # The server has forgotten the upload.
        [None, None, "lost"],
    ],
    ids=["busy-and-stored", "end-stored", "forgotten"],
)
def test_a_file_sent_in_pieces_arrives_whole_through_faults(
    proxied: tuple[FaultProxy, Storage], big: Path, script: list[str | None]
) -> None:
    proxy, storage = proxied
    faults = [fault for fault in script if fault]
    proxy.script.extend(script)
    storage.put_file(big, "big")
    assert storage.read("big") == big.read_bytes()
    assert sorted(proxy.counts.elements()) == sorted(faults)


def test_a_file_that_arrived_in_part_is_not_visible(
    proxied: tuple[FaultProxy, Storage], big: Path
) -> None:
    proxy, storage = proxied
    storage.write("replaced", b"old")
    for name in ("new", "replaced"):
        proxy.script[:] = [None, None, *["denied"] * 100]
        with pytest.raises(StorageError, match=f"{name} was denied: "):
            storage.put_file(big, name)
    proxy.script.clear()
    assert storage.list() == ["replaced"]
    assert storage.read("replaced") == b"old"


def test_a_download_that_breaks_off_is_repeated(
    proxied: tuple[FaultProxy, Storage], big: Path, tmp_path: Path
) -> None:
    proxy, storage = proxied
    storage.put_file(big, "big")
    for read in (lambda: storage.read("big"), lambda: copied(storage, "big", tmp_path / "out")):
        proxy.counts.clear()
        proxy.script[:] = ["cut"]
        assert read() == big.read_bytes()
        assert proxy.counts == {"cut": 1}


def copied(storage: Storage, name: str, local: Path) -> bytes:
    storage.get_file(name, local)
    return local.read_bytes()


def test_a_download_that_always_breaks_off_leaves_no_file(
    proxied: tuple[FaultProxy, Storage], big: Path, tmp_path: Path
) -> None:
    proxy, storage = proxied
    storage.put_file(big, "big")
    (tmp_path / "local").mkdir()
    proxy.script[:] = ["cut", *["busy"] * 1000]
    with pytest.raises(StorageError, match="run the same command again"):
        storage.get_file("big", tmp_path / "local" / "out")
    assert list((tmp_path / "local").iterdir()) == []


def test_every_operation_says_that_access_was_denied(
    proxied: tuple[FaultProxy, Storage], tmp_path: Path
) -> None:
    proxy, storage = proxied
    local = tmp_path / "local"
    local.write_bytes(b"x")
    for use in (
        lambda: storage.read("a"),
        lambda: storage.exists("a"),
        lambda: storage.stamp("a"),
        lambda: storage.write("a", b""),
        lambda: storage.create("a", b""),
        lambda: storage.delete("a"),
        lambda: storage.put_file(local, "a"),
        lambda: storage.get_file("a", tmp_path / "out"),
        storage.list,
    ):
        proxy.script[:] = ["denied"]
        with pytest.raises(StorageError, match=r"was denied: .*403.*The account needs"):
            use()
        assert proxy.script == []
