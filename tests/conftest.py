"""Fixtures that several test files share."""

from __future__ import annotations

import os
import subprocess
import tempfile
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from xdist.scheduler import LoadScopeScheduling

from components.contracts.step.context import set_environment
from components.contracts.storage.base import Storage
from components.contracts.storage.open import open_storage
from tests.support import gcs_server, s3_server
from tests.support.buckets import BUCKETS, Service

FOREIGN_WARNINGS = [
    # google-api-core says so on import whenever grpcio is there (TensorFlow brings it).
    "ignore:Please install grpcio-status:ImportWarning",
    # google-cloud-storage leaves the connection of a refused download to the garbage collector.
    "ignore:unclosed <socket:ResourceWarning",
]


REPOSITORY = Path(__file__).resolve().parents[1]

# On a loaded machine an example may take seconds, which says nothing about the code.
settings.register_profile(
    "any machine", deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("any machine")


def pytest_configure(config: pytest.Config) -> None:
    # The workers in tests/support are programs of their own, and import each other.
    os.environ["PYTHONPATH"] = str(REPOSITORY)
    set_environment()  # a user's own keras.json must not change a test
    for warning in FOREIGN_WARNINGS:
        config.addinivalue_line("filterwarnings", warning)


@pytest.hookimpl(tryfirst=True)  # before fixtures of any scope
def pytest_runtest_setup() -> None:
    """Forget the store of an earlier test: mlflow.set_tracking_uri writes it into the environment."""
    os.environ.pop("MLFLOW_TRACKING_URI", None)


@pytest.fixture(scope="session")
def gcs_url() -> Iterator[str]:
    """The address of a running storage server."""
    with gcs_server.running_server() as url:
        yield url


@pytest.fixture
def gcs_root(gcs_url: str) -> Iterator[str]:
    """An empty gs:// campaign root that the Google client reaches in this test."""
    bucket = f"bucket-{uuid.uuid4().hex[:8]}"
    gcs_server.make_bucket(gcs_url, bucket)
    with gcs_server.emulator(gcs_url):
        yield f"gs://{bucket}/campaigns/one"


@pytest.fixture(scope="session")
def s3_url() -> Iterator[str]:
    """The address of a running S3 server."""
    with s3_server.running_server() as url:
        yield url


@pytest.fixture
def s3_root(s3_url: str) -> Iterator[str]:
    """An empty s3:// campaign root that the S3 client reaches in this test."""
    bucket = f"bucket-{uuid.uuid4().hex[:8]}"
    s3_server.make_bucket(s3_url, bucket)
    with s3_server.pointed_at(s3_url):
        yield f"s3://{bucket}/campaigns/one"


@pytest.fixture(params=BUCKETS)
def service(request: pytest.FixtureRequest) -> Service:
    """A server with an empty campaign root in a bucket, of each service."""
    kind = request.param
    url, root = (request.getfixturevalue(f"{kind}_{what}") for what in ("url", "root"))
    return Service(kind, url, root)


@pytest.fixture(params=["folder", *BUCKETS])
def root(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """An empty campaign root: a folder, then a bucket of each service."""
    if request.param == "folder":
        return str(tmp_path / "root")
    return request.getfixturevalue(f"{request.param}_root")


@pytest.fixture
def storage(root: str) -> Storage:
    """The storage of an empty campaign root: a folder, then a bucket of each service."""
    return open_storage(root)


@pytest.fixture
def memory() -> Iterator[Path]:
    """A folder in memory where there is one: a kill loses nothing there, and fsync is free."""
    parent = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None
    with tempfile.TemporaryDirectory(dir=parent) as folder:
        yield Path(folder)


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of one megabyte; only root may mount one."""
    disk = tmp_path / "disk"
    disk.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(disk)]
    if os.geteuid() != 0 or subprocess.run(mount, capture_output=True).returncode != 0:
        pytest.skip("needs to mount a small disk")
    yield disk
    subprocess.run(["umount", str(disk)], check=True)


# Files whose tests share the finished smoke campaign; the fixture fails if one is missing here.
_SMOKE = {"test_bucket.py", "test_environments.py", "test_interrupted.py", "test_smoke.py"}


class _ByFile(LoadScopeScheduling):  # type: ignore[misc]
    """Keeps a file's tests in one process, and together all that share the finished smoke campaign.

    Marks cannot do it: xdist 3.8 writes a group into a node id, which pytest 9.2 does not read.
    """

    def _split_scope(self, nodeid: str) -> str:
        path = nodeid.partition("::")[0]
        return "smoke" if Path(path).name in _SMOKE else path


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> LoadScopeScheduling:
    """Distribute files, whatever `--dist` names."""
    return _ByFile(config, log)
