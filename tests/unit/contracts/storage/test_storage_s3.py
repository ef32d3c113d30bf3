"""What only a campaign root in a bucket of S3 does, on a real server."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from components.contracts.process.errors import UsageError
from components.contracts.storage.errors import StorageError
from components.contracts.storage.open import open_storage
from components.contracts.storage.s3 import S3Storage
from components.contracts.storage.s3_requests import SOURCES
from tests.support.fault_proxy import fault_proxy
from tests.support.gcs_server import free_port
from tests.support.s3_server import MANY, MANY_NAMES, pointed_at, put, running_server


@pytest.fixture
def no_account(monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither the environment nor the machine names an account."""
    for name in (*SOURCES, "AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_S3"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_METADATA_ENDPOINT", f"http://127.0.0.1:{free_port()}")


def test_more_names_than_one_answer_holds_are_listed(s3_root: str) -> None:
    storage = open_storage(f"s3://{MANY}")
    expected = [f"pool/{number:05d}" for number in range(MANY_NAMES)]
    assert storage.list() == storage.list("pool") == expected


def test_the_server_answers_while_another_connection_sends_nothing(s3_url: str) -> None:
    address = urlsplit(s3_url)
    with socket.create_connection((address.hostname, address.port)):
        put(f"{s3_url}/{MANY}-too", b"")


@pytest.mark.parametrize(
    "name",
    ["a b.png", "straße/München 日.png", "50%25 #1?.png", "a+b&c=d;e~f*[g].png", "{x}|^`.png"],
)
def test_names_with_special_characters_come_back(s3_root: str, name: str) -> None:
    storage = open_storage(s3_root)
    storage.write(f"inbox/{name}", b"one")
    assert storage.list() == [f"inbox/{name}"]
    assert storage.read(f"inbox/{name}") == b"one"
    storage.move(f"inbox/{name}", f"rejected/{name}", storage.stamp(f"inbox/{name}"))
    assert storage.list() == [f"rejected/{name}"]
    storage.delete_prefix("rejected")
    assert storage.list() == []


def test_the_placeholder_of_an_empty_folder_is_no_file(
    s3_url: str, s3_root: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    storage = open_storage(s3_root)
    for folder in ("inbox", "data", "data/train"):
        put(f"{s3_url}/{s3_root.removeprefix('s3://')}/{folder}/", b"")
    storage.write("empty", b"")
    storage.write("data/train/1", b"one")
    assert storage.list() == ["data/train/1", "empty"]
    assert storage.list("inbox") == []
    assert storage.list("data") == ["data/train/1"]
    monkeypatch.setenv("STREETLOOP_CACHE", str(tmp_path))
    assert (storage.local_dir("data") / "train" / "1").read_bytes() == b"one"


def test_an_object_that_is_no_file_is_named(s3_url: str, s3_root: str) -> None:
    put(f"{s3_url}/{s3_root.removeprefix('s3://')}/inbox//x", b"")
    with pytest.raises(StorageError, match=r"inbox//x.*Delete it"):
        open_storage(s3_root).list()


def test_a_conflict_of_two_conditional_writes_is_settled(s3_url: str, s3_root: str) -> None:
    """S3 answers 409 when another write of the name is under way, which may still fail."""
    with fault_proxy(s3_url) as proxy, pointed_at(proxy.url):
        storage = open_storage(s3_root)
        proxy.script[:] = ["conflict"]
        storage.create("a", b"mine")
    assert storage.read("a") == b"mine"


def test_a_service_without_conditional_writes_is_rejected(
    s3_root: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = S3Storage._put
    monkeypatch.setattr(
        S3Storage, "_put", lambda self, key, data, *, new=False: real(self, key, data)
    )
    with pytest.raises(StorageError, match="ignores If-None-Match"):
        open_storage(s3_root).check_usable()
    assert open_storage(s3_root).list() == []


def test_a_missing_local_file_is_not_taken_for_a_missing_bucket(
    s3_root: str, tmp_path: Path
) -> None:
    with pytest.raises(FileNotFoundError, match="no-such-file"):
        open_storage(s3_root).put_file(tmp_path / "no-such-file", "a")


@pytest.mark.parametrize("bucket", ["white space", "-x", "ä", "a"])
def test_a_bucket_that_cannot_exist_is_rejected(bucket: str) -> None:
    with pytest.raises(UsageError, match="cannot be a bucket's name"):
        open_storage(f"s3://{bucket}/x")


@pytest.mark.usefixtures("no_account")
def test_missing_credentials_are_reported_immediately() -> None:
    with pytest.raises(StorageError, match=r"No AWS credentials for .*AWS_ACCESS_KEY"):
        open_storage("s3://bucket/x").list()


@pytest.mark.usefixtures("no_account")
def test_a_token_that_cannot_be_read_is_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_WEB_IDENTITY_TOKEN_FILE", "/no/such/token")
    monkeypatch.setenv("AWS_ROLE_ARN", "arn:aws:iam::123456789012:role/streetloop")
    with pytest.raises(StorageError, match=r"/no/such/token.*the pod a role"):
        open_storage("s3://bucket/x").list()


@pytest.mark.usefixtures("no_account")
def test_an_endpoint_that_is_not_an_address_is_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "minio:9000")
    with pytest.raises(StorageError, match=r"AWS_ENDPOINT_URL .*'minio:9000'"):
        open_storage("s3://bucket/x").list()


@pytest.fixture(scope="module")
def strict_url() -> Iterator[str]:
    """A server that knows no account, and checks."""
    with running_server(INITIAL_NO_AUTH_ACTION_COUNT="0") as url:
        yield url


USES: list[Callable[[S3Storage], object]] = [
    lambda storage: storage.list(),
    lambda storage: storage.read("a"),
    lambda storage: storage.exists("a"),
    lambda storage: storage.create("a", b""),
    lambda storage: storage.check_usable(),
]


@pytest.mark.parametrize("use", USES)
def test_an_unknown_account_is_denied_without_its_keys_in_the_message(
    strict_url: str, use: Callable[[S3Storage], object]
) -> None:
    with pointed_at(strict_url), pytest.raises(StorageError, match=r"was denied: 403") as raised:
        use(S3Storage("s3://bucket/x"))
    for error in (raised.value, raised.value.__cause__):
        assert "test-key-id" not in str(error)
        assert "test-secret" not in str(error)
