"""`streetloop serve` answers with the champion's label maps, and follows the alias to another version."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import requests

from components.contracts.data.records import Records
from components.contracts.model.files import GENERATOR_FILE
from components.contracts.recipe.inference import InferenceSettings
from components.contracts.tracking.client import Tracker
from components.contracts.tracking.registry import CHAMPION, register_model, set_alias
from pipelines.predict.photo import PhotoPredictor
from pipelines.predict.view import View
from tests.support.gcs_server import free_port
from tests.support.waiting import wait_until
from tfds_cityscapes.labels import to_label_ids

pytestmark = [
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore:__array__ implementation doesn't accept a copy"),
    pytest.mark.filterwarnings("ignore:.*Any type hint is inferred as AnyType:UserWarning"),
]
CAMPAIGN = Path(__file__).parents[1] / "fixtures" / "campaigns" / "v0.1"
MODELS = sorted((CAMPAIGN / "models").iterdir())[:2]
NAME = "streets"


def test_the_champion_answers_and_a_rollback_changes_it(tmp_path: Path) -> None:
    store = f"sqlite:///{tmp_path / 'mlflow.db'}"
    tracker = Tracker(store, NAME)
    run = tracker.ensure_run("key", "cycle 1", {}, None, 1000)
    metadata = {"size": [32, 32]}
    for cycle, model in enumerate(MODELS, 1):
        file = model / GENERATOR_FILE
        register_model(tracker, run, NAME, file, model.name, "", cycle, metadata)
    set_alias(tracker, NAME, CHAMPION, MODELS[1].name)
    records = Records(next((CAMPAIGN / "records").iterdir()))
    photo = records.read(records.ids("val")[0]).image
    newer, older = (_label_ids(model, photo) for model in reversed(MODELS))
    assert (newer != older).mean() > 0.1

    port = free_port()
    command = [sys.executable, "-m", "pipelines.cli", "serve", f"models:/{NAME}@{CHAMPION}"]
    command += ["--port", str(port), "--poll", "1", "--tracking-uri", store]
    with (tmp_path / "log").open("w") as log:
        server = subprocess.Popen(command, stdout=log, stderr=log)
    try:
        wait_until(lambda: _agrees(port, photo, newer), server)
        set_alias(tracker, NAME, CHAMPION, MODELS[0].name)  # as `streetloop ledger rollback` does
        wait_until(lambda: _agrees(port, photo, older), server)
    finally:
        server.terminate()
        assert server.wait(30) == 0
    assert "has moved: models:/streets/1 takes over" in (tmp_path / "log").read_text()
    with pytest.raises(requests.ConnectionError):
        requests.get(f"http://127.0.0.1:{port}/ping", timeout=5)


def _label_ids(model: Path, photo: np.ndarray) -> np.ndarray:
    predictor = PhotoPredictor(model / GENERATOR_FILE, View(), InferenceSettings())
    return to_label_ids(predictor.train_ids(photo))


def _agrees(port: int, photo: np.ndarray, wanted: np.ndarray) -> bool:
    """Ask the server; tell whether it answers as this model does."""
    try:
        answer = requests.post(
            f"http://127.0.0.1:{port}/invocations", json={"inputs": [photo.tolist()]}, timeout=30
        )
    except requests.ConnectionError:
        return False
    found = np.array(answer.json()["predictions"]["label_ids"])[0]
    # These models have hardly learned anything: a pixel that is rounded otherwise changes its mind.
    return bool((found == wanted).mean() > 0.98)
