"""Tracking on a real SQLite store, with retries and with a server that is down or refuses."""

from __future__ import annotations

import fcntl
import logging
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from components.contracts.ledger.layout import training_log
from components.contracts.process.errors import StreetloopError
from components.contracts.storage.open import open_storage
from components.contracts.tracking.client import Points, Tracker
from components.contracts.tracking.registry import (
    CHAMPION,
    describe_version,
    register_model,
    set_alias,
)
from components.contracts.tracking.training import TrainingLog, read_points

pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation doesn't accept a copy")

LOG = training_log(2)


def _retried(tracker: Tracker) -> Tracker:
    """The tracker of a retried step, which remembers nothing."""
    return Tracker(tracker.uri, tracker.experiment)


def test_ensure_run_finds_the_run_of_its_key(tracker: Tracker) -> None:
    first = tracker.ensure_run("one/1", "cycle 1", {"cycle": "1"}, None, 1000)
    assert _retried(tracker).ensure_run("one/1", "cycle 1", {"cycle": "1"}, None, 1000) == first
    assert len(tracker.client.search_runs([tracker.experiment_id])) == 1


def test_a_new_store_is_created_by_one_process_at_a_time(tmp_path: Path) -> None:
    database = tmp_path / "mlflow.db"
    tracker = Tracker(f"sqlite:///{database}", "first")
    with (tmp_path / ".mlflow.lock").open("a") as other, ThreadPoolExecutor(1) as pool:
        fcntl.flock(other, fcntl.LOCK_EX)  # as another campaign's first step does
        opened = pool.submit(tracker.check)
        with pytest.raises(TimeoutError):
            opened.result(timeout=1)
        assert not database.exists()
        fcntl.flock(other, fcntl.LOCK_UN)
        assert opened.result(timeout=60) == "1"


def test_retry_adds_no_second_point(tracker: Tracker) -> None:
    run = tracker.ensure_run("key", "name", {}, None, 1000)
    for attempt in (tracker, _retried(tracker)):
        attempt.log_metrics(run, {"val/miou": 0.25, "val/dice": None}, 1, 1000)
        attempt.log_series(run, [Points({"train/loss": 1 / s}, s, 1000 + s) for s in (6, 12)])
    client = tracker.client
    assert [p.value for p in client.get_metric_history(run, "val/miou")] == [0.25]
    assert [p.step for p in client.get_metric_history(run, "train/loss")] == [6, 12]
    assert "val/dice" not in client.get_run(run).data.metrics


def test_log_series_sends_more_points_than_one_batch_allows(tracker: Tracker) -> None:
    run = tracker.ensure_run("key", "name", {}, None, 1000)
    tracker.log_series(run, [Points({"a": 1.0, "b": 2.0}, s, 1000 + s) for s in range(700)])
    assert not tracker.down
    assert len(tracker.client.get_metric_history(run, "b")) == 700


def test_retry_adds_no_second_image_data_set_or_parameter(tracker: Tracker) -> None:
    run = tracker.ensure_run("key", "name", {}, None, 1000)
    picture = np.zeros((8, 8, 3), np.uint8)
    for attempt, size in ((tracker, 3), (_retried(tracker), 4)):
        attempt.log_image(run, picture, "val/aachen_1", 1)
        attempt.log_dataset(run, "labeled", "0" * 64, "work/1/split", "training")
        attempt.log_parameters(run, {"query": {"query_size": size}})
    found = tracker.client.get_run(run)
    (entry,) = found.inputs.dataset_inputs
    assert entry.dataset.digest == "0" * 36
    assert found.data.params == {"query.query_size": "3"}
    images = tracker.client.list_artifacts(run, "images")
    assert len([f for f in images if f.path.endswith(".png")]) == 1


@pytest.mark.filterwarnings("ignore:.*Any type hint is inferred as AnyType:UserWarning")
def test_retry_registers_no_second_version(tracker: Tracker, tmp_path: Path) -> None:
    import keras

    inputs = keras.Input((32, 32, 3))
    path = tmp_path / "generator.keras"
    keras.Model(inputs, keras.layers.Conv2D(19, 1)(inputs)).save(path)
    run = tracker.ensure_run("key", "name", {}, None, 1000)
    for attempt in (tracker, _retried(tracker)):
        version = register_model(
            attempt,
            run,
            "registered",
            path,
            "a" * 64,
            "Cycle 1: val mIoU 20.0 %.",
            1,
            {"size": None},
        )
        assert not attempt.down
        assert str(version) == "1"
        set_alias(attempt, "registered", CHAMPION, "a" * 64)
    (found,) = tracker.client.search_model_versions("name = 'registered'")
    assert found.description == "Cycle 1: val mIoU 20.0 %."
    assert found.tags["streetloop.model"] == "a" * 64
    import mlflow

    signature = mlflow.models.get_model_info("models:/registered/1").signature
    assert signature.inputs.inputs[0].shape == (-1, -1, -1, 3)
    assert signature.outputs.inputs[0].shape == (-1, -1, -1, 19)
    describe_version(tracker, "registered", "a" * 64, "# A card")
    describe_version(tracker, "registered", "b" * 64, "of another model")
    assert tracker.client.get_model_version("registered", "1").description == "# A card"
    set_alias(tracker, "registered", CHAMPION, "b" * 64)  # never registered: left as it is
    assert str(tracker.client.get_model_version_by_alias("registered", CHAMPION).version) == "1"
    # Only this run, which is still running: logging a model has not ended it.
    (only,) = tracker.client.search_runs([tracker.experiment_id])
    assert only.info.status == "RUNNING"


def test_nothing_is_sent_without_a_run(tracker: Tracker) -> None:
    tracker._client = _Refusing("a call was made")
    tracker.log_metrics(None, {"a": 1.0}, 1, 0)
    tracker.log_files(None, {"a.txt": b""})
    assert tracker.status(None) is None
    assert not tracker.down


def test_unreachable_server_is_tried_once_and_reported_once(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    away = Tracker("http://127.0.0.1:9", "streetloop")  # the port of "discard": nobody listens
    with caplog.at_level(logging.WARNING, logger="streetloop"):
        assert away.check() is None
        assert away.down
        assert away.ensure_run("key", "name", {}, None, 0) is None
        away.log_metrics("run", {"a": 1.0}, 1, 0)
        set_alias(away, "model", CHAMPION, "a" * 64)
    (row,) = caplog.records
    assert "The cycle continues" in row.message


class _Refusing:
    """A client whose every call raises."""

    def __init__(self, message: str) -> None:
        self.message = message

    def __getattr__(self, name: str) -> Any:
        raise RuntimeError(self.message)


REFUSALS = pytest.mark.parametrize(
    ("answer", "words"),
    [
        ("API request to endpoint /api failed with error code 401 != 200.", "the credentials"),
        ("403 Client Error: FORBIDDEN for url", "the credentials"),
        ("failed with error code 403 != 200. 'Invalid Host header - possible DNS'", "host name"),
    ],
)


@REFUSALS
def test_a_server_that_refuses_at_the_opening_stops_it_and_the_message_says_what_to_do(
    answer: str, words: str
) -> None:
    tracker = Tracker("http://mlflow:5000", "streetloop", strict=True)
    tracker._client = _Refusing(answer)
    with pytest.raises(StreetloopError, match=words):
        tracker.check()
    assert not tracker.down


@REFUSALS
def test_a_server_that_refuses_later_is_asked_once_and_loses_no_work(
    answer: str, words: str, caplog: pytest.LogCaptureFixture
) -> None:
    tracker = Tracker("http://mlflow:5000", "streetloop")
    tracker._client = _Refusing(answer)
    tracker.log_metrics("run", {"loss": 1.0}, 1, 0)
    assert tracker.down
    tracker.log_metrics("run", {"loss": 0.5}, 2, 0)
    (row,) = caplog.records
    assert words in row.getMessage()
    assert row.getMessage().endswith("The cycle continues; the next one sends what is missing.")


def test_training_log_keeps_the_first_report_of_a_step(tmp_path: Path) -> None:
    storage = open_storage(str(tmp_path))
    log = TrainingLog(storage, LOG, resumed=False)
    log.add(6, {"train/loss": 3.0}, 1000)
    resumed = TrainingLog(storage, LOG, resumed=True)
    assert resumed.add(6, {"train/loss": 2.5}, 1000) == Points({"train/loss": 3.0}, 6, 1006)
    resumed.add(12, {"train/loss": 2.0}, 1000)
    assert [(p.step, p.metrics["train/loss"]) for p in read_points(storage, LOG, 1000)] == [
        (6, 3.0),
        (12, 2.0),
    ]


def test_training_log_of_a_new_fit_drops_the_rows_of_an_earlier_one(tmp_path: Path) -> None:
    storage = open_storage(str(tmp_path))
    TrainingLog(storage, LOG, resumed=False).add(600, {"train/loss": 3.0}, 1000)
    TrainingLog(storage, LOG, resumed=False).add(6, {"train/loss": 1.0}, 1000)
    assert [p.step for p in read_points(storage, LOG, 1000)] == [6]
    assert read_points(storage, training_log(3), 1000) == []
