"""Addresses of folders, with and without a scheme and a home folder."""

from __future__ import annotations

from pathlib import Path

import pytest

from components.contracts.process import command
from components.contracts.process.uri import absolute, expanded, is_local, is_same_place, local_path
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


@pytest.mark.parametrize("text", ["mycity", "./mycity/", "x/../mycity", "file://{here}/mycity/."])
def test_an_absolute_address_has_one_form(
    text: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert absolute(text.format(here=tmp_path)) == str(tmp_path / "mycity")
    assert absolute("gs://bucket/a/../b/") == "gs://bucket/a/../b/"


@pytest.mark.parametrize(
    ("recorded", "given", "same"),
    [
        ("/a/mycity", "/a/mycity", True),
        ("/a/b/../mycity/", "/a/mycity", True),
        ("file:///a/mycity", "/a/mycity", True),
        ("/a/mycity", "/b/mycity", False),
        ("mycity", "/a/mycity", True),
        ("../data/mycity/", "/a/data/mycity", True),
        ("data/mycity", "/mycity", False),
        ("mycity", "/a/notmycity", False),
        (".", "/a", True),
        ("s3://a/mycity", "s3://a/mycity", True),
        ("s3://a/mycity/", "s3://a/mycity", False),
        ("mycity", "s3://a/mycity", False),
    ],
)
def test_a_recorded_address_is_compared_by_its_meaning(
    recorded: str, given: str, same: bool
) -> None:
    assert is_same_place(recorded, given) is same


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
