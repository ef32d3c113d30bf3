"""Which errors of MLflow pass by themselves, and which a person has to put right."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from components.contracts.process.errors import StreetloopError, UsageError
from components.contracts.recipe.tracking import TrackingSettings, store_uri
from components.contracts.tracking.client import Tracker
from components.contracts.tracking.refusal import is_outage

SERVER = "http://mlflow:5000"


def _mlflow(message: str, code: str = "INTERNAL_ERROR") -> Exception:
    from mlflow.exceptions import MlflowException

    error = MlflowException(message)
    error.error_code = code
    return error


def _requests(name: str) -> Exception:
    import requests

    error: Exception = getattr(requests.exceptions, name)("words")
    return error


@pytest.mark.parametrize(
    "error",
    [
        _mlflow("API request to http://mlflow:5000/api failed with exception HTTPConnectionPool"),
        _mlflow("API request to endpoint /api failed with error code 502 != 200"),
        _mlflow("API request to endpoint /api failed with error code 429 != 200", "BAD_REQUEST"),
        _mlflow("database is locked", "TEMPORARILY_UNAVAILABLE"),
        _mlflow("INTERNAL_ERROR: a server's own fault"),
        _requests("ConnectionError"),
        _requests("ReadTimeout"),
        ConnectionResetError(),
        TimeoutError(),
    ],
)
def test_network_errors_and_overload_are_outages(error: Exception) -> None:
    assert is_outage(error, SERVER)


@pytest.mark.parametrize(
    ("error", "uri"),
    [
        (_mlflow("No run with id=1", "RESOURCE_DOES_NOT_EXIST"), SERVER),
        (_mlflow("API request to endpoint /api failed with error code 404 != 200", "X"), SERVER),
        (_mlflow("value is not accepted", "INVALID_PARAMETER_VALUE"), SERVER),
        (_requests("MissingSchema"), SERVER),
        (ValueError("the answer is no JSON"), SERVER),
        (ModuleNotFoundError("No module named 'psycopg2'", name="psycopg2"), "postgresql://h/db"),
        (
            _mlflow("attempt to write a readonly database", "TEMPORARILY_UNAVAILABLE"),
            "sqlite:////x",
        ),
        (PermissionError(13, "Permission denied", "/x"), "sqlite:////x/mlflow.db"),
    ],
)
def test_what_a_person_must_change_is_no_outage(error: Exception, uri: str) -> None:
    assert not is_outage(error, uri)


def test_a_locked_sqlite_store_is_waited_for() -> None:
    assert is_outage(_mlflow("(sqlite3.OperationalError) database is locked"), "sqlite:////x.db")


@pytest.mark.parametrize(
    ("uri", "words"),
    [
        ("./mlruns", "no longer writes to folders"),
        ("mlruns", "no longer writes to folders"),
        ("file:///tmp/mlruns", "no longer writes to folders"),
        ("localhost:5000", "address of a server"),
        ("mlflow", "address of a server"),
        ("ftp://host/x", "address of a server"),
        ("sqlite://", "needs a file"),
        ("sqlite:///:memory:", "needs a file"),
    ],
)
def test_addresses_that_mlflow_cannot_use_are_rejected_with_the_form_to_use(
    uri: str, words: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(ValueError, match=words):
        TrackingSettings(uri=uri)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", uri)
    with pytest.raises(UsageError, match=f"MLFLOW_TRACKING_URI: .*{words}"):
        store_uri(TrackingSettings(), "runs/x")


def test_a_relative_sqlite_address_does_not_depend_on_the_folder_of_a_step(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    for written, path in (
        ("sqlite:///my runs/mlflow.db", tmp_path / "my runs" / "mlflow.db"),
        ("sqlite:///~/mlflow.db", tmp_path / "home" / "mlflow.db"),
        ("sqlite:////data/mlflow.db", Path("/data/mlflow.db")),
    ):
        assert store_uri(TrackingSettings(uri=written), "runs/x") == f"sqlite:///{path}"
    assert store_uri(TrackingSettings(uri=SERVER), "runs/x") == SERVER


class _Failing:
    """A client whose every call raises this error."""

    def __init__(self, error: Exception) -> None:
        self.error = error

    def __getattr__(self, name: str) -> Any:
        raise self.error


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (
            ModuleNotFoundError("No module named 'psycopg2'", name="psycopg2"),
            "the Python package psycopg2, which this address needs, is not installed. Correct",
        ),
        (
            PermissionError(13, "Permission denied", "/srv/mlflow"),
            "Permission denied: /srv/mlflow.",
        ),
        (_mlflow("API request to endpoint /api failed with error code 404 != 200", "X"), "404"),
        (
            _mlflow("API request to http://ann:p@ss@mlflow gave 3", "X"),
            r"to http://\*\*\*@mlflow gave",
        ),
    ],
)
def test_permanent_errors_stop_the_opening_and_never_a_step_with_work_to_lose(
    error: Exception, words: str
) -> None:
    opening = Tracker(SERVER, "streetloop", strict=True)
    opening._client = _Failing(error)
    with pytest.raises(StreetloopError, match=words):
        opening.check()
    later = Tracker(SERVER, "streetloop")
    later._client = _Failing(error)
    assert later.check() is None
    assert later.down


def test_a_folder_that_a_sqlite_address_cannot_name_is_rejected(tmp_path):
    with pytest.raises(UsageError, match="ends at a question mark"):
        store_uri(TrackingSettings(), str(tmp_path / "what?" / "campaign"))
    assert store_uri(TrackingSettings(uri=SERVER), str(tmp_path / "what?" / "x")) == SERVER


def test_a_message_shows_the_address_without_its_account() -> None:
    assert Tracker("http://ann:hunter22@mlflow:5000", "street").address == "http://***@mlflow:5000"
