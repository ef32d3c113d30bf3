"""Addresses of folders, with and without a scheme and a home folder."""

from __future__ import annotations

from pathlib import Path

import pytest

from components.contracts.process import command
from components.contracts.process.uri import expanded, is_local, local_path
from components.contracts.recipe.data import DataSettings
from components.contracts.recipe.networks import EncoderSettings
from components.contracts.recipe.tracking import TrackingSettings, store_uri
from components.contracts.storage.folder import FolderStorage
from pipelines.options import PATH


@pytest.fixture(autouse=True)
def _home(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/home/me")
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)


@pytest.mark.parametrize(
    ("uri", "path"),
    [
        ("data", "data"),
        ("~/data", "/home/me/data"),
        ("file:///data/x", "/data/x"),
        ("/a/~b", "/a/~b"),
    ],
)
def test_a_local_address_is_a_path(uri: str, path: str) -> None:
    assert is_local(uri)
    assert local_path(uri) == Path(path)


def test_a_bucket_has_no_home() -> None:
    assert expanded("gs://bucket/~x") == "gs://bucket/~x"
    assert not is_local("gs://bucket/~x")


def test_home_is_expanded_wherever_a_path_is_read() -> None:
    assert DataSettings(source="~/data").source == "/home/me/data"
    assert DataSettings(source="gs://b/~").source == "gs://b/~"
    assert EncoderSettings(weights="~/w.pth").weights == "/home/me/w.pth"
    assert EncoderSettings().weights == "imagenet"
    assert command.path("~/out") == Path("/home/me/out")
    assert PATH.convert("~/out", None, None) == Path("/home/me/out")
    store = TrackingSettings(uri="sqlite:///~/mlflow.db")
    assert store_uri(store, "~/runs/street") == "sqlite:////home/me/mlflow.db"
    assert (
        store_uri(TrackingSettings(), "~/runs/street") == "sqlite:////home/me/runs/mlflow/mlflow.db"
    )
    assert FolderStorage("~/runs/street").uri == "/home/me/runs/street"


def test_a_user_who_does_not_exist_has_no_home() -> None:
    assert local_path("~nobody-of-this-name/x") == Path("~nobody-of-this-name/x")
    assert command.path("~nobody-of-this-name/x") == Path("~nobody-of-this-name/x")
