"""The backend answers Label Studio's protocol over HTTP, with what the champion predicts."""

from __future__ import annotations

import os
import shutil
import signal
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import requests
import uvicorn

from components.contracts.annotation.label_studio import rle
from components.contracts.data.records import Records
from components.contracts.ledger.ledger import Ledger
from components.contracts.model.files import load_generator
from components.contracts.model.predictor import Predictor
from components.contracts.process.errors import StreetloopError
from components.contracts.recipe.inference import InferenceSettings
from components.contracts.recipe.recipe import load
from components.contracts.regions.tiles import Tiles
from components.contracts.storage.open import open_storage
from pipelines.annotate.label_studio.after import After
from pipelines.annotate.label_studio.backend import backend
from pipelines.annotate.label_studio.proposals import Proposals
from tests.support.gcs_server import answers, free_port
from tests.support.places import RECIPES
from tests.support.queries import ask
from tests.support.waiting import exit_code, running, wait_until
from tfds_cityscapes.labels import TRAIN_LABELS

pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation doesn't accept a copy")
CAMPAIGN = Path(__file__).parents[3] / "fixtures" / "campaigns" / "v0.1"
RECIPE = load(RECIPES / "smoke.yaml").model_copy(update={"inference": InferenceSettings()})
BY_NAME = {row.name: row.train_id for row in TRAIN_LABELS}


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return shutil.copytree(CAMPAIGN, tmp_path_factory.mktemp("campaign") / "root")


class Counted(After):
    """Counts without a command."""

    def __init__(self) -> None:
        super().__init__(10**6, ["true"])
        self.tasks: list[int] = []

    def finished(self, task: int) -> None:
        self.tasks.append(task)


@pytest.fixture(scope="module")
def counted() -> Counted:
    return Counted()


@pytest.fixture(scope="module")
def address(root: Path, counted: Counted) -> Iterator[str]:
    port = free_port()
    app = backend(Proposals(RECIPE, str(root)), counted)
    server = uvicorn.Server(uvicorn.Config(app, port=port, log_level="warning"))
    thread = threading.Thread(target=server.run)
    thread.start()
    url = f"http://127.0.0.1:{port}"
    while not answers(f"{url}/health"):
        assert thread.is_alive()
    yield url
    server.should_exit = True
    thread.join()


def post(address: str, path: str, content: Any) -> requests.Response:
    return requests.post(address + path, json=content, timeout=60)


def painted(result: list[dict[str, Any]], size: tuple[int, int]) -> np.ndarray:
    train_ids = np.full(size, 255, np.uint8)
    for region in result:
        mask = rle.decode_mask(bytes(region["value"]["rle"]), *size)
        (name,) = region["value"]["brushlabels"]
        train_ids[mask] = BY_NAME[name]
    return train_ids


def test_it_proposes_classes_only_in_the_regions_that_are_asked_for(
    root: Path, tmp_path: Path
) -> None:
    own = shutil.copytree(root, tmp_path / "root")
    ledger = Ledger(open_storage(str(own)))
    image_id, tiles = sorted(ledger.state().outstanding)[0], Tiles(2, 2, (1,))
    ask(ledger, 3, (image_id,), None, tiles)
    entry = Records(next((own / "records").iterdir())).entries[image_id]
    size = entry.height, entry.width
    found = Proposals(RECIPE, str(own)).of(image_id)
    np.testing.assert_array_equal(painted(found["result"], size) != 255, tiles.mask(size))


def test_it_predicts_a_task_as_the_champion_does(address: str, root: Path) -> None:
    state = Ledger(open_storage(str(root))).state()
    assert state.champion is not None
    records = Records(next((root / "records").iterdir()))
    image_id = sorted(state.outstanding)[0]
    record = records.read(image_id)
    size = record.entry.height, record.entry.width
    predictor = Predictor(load_generator(root / "models" / state.champion.model))

    task = {"id": 7, "data": {"image": "/data/upload/1/x.png", "image_id": image_id}}
    answer = post(address, "/predict", {"tasks": [task], "label_config": "<View/>"}).json()
    (found,) = answer["results"]
    np.testing.assert_array_equal(
        painted(found["result"], size), predictor.classes(record.image, size)
    )
    confidence = predictor.probabilities(record.image, size).max(-1).mean()
    assert found["score"] == pytest.approx(float(confidence))
    version = f"streetloop cycle 2 ({state.champion.model[:8]})"
    assert found["model_version"] == answer["model_version"] == version
    assert post(address, "/setup", {"project": "1", "schema": "<View/>"}).json() == {
        "model_version": version
    }
    assert requests.get(f"{address}/", timeout=10).json()["status"] == "UP"


def test_an_image_of_another_campaign_gets_an_empty_prediction(address: str) -> None:
    tasks = [{"data": {"image_id": "elsewhere"}}, {"data": {}}]
    results = post(address, "/predict", {"tasks": tasks}).json()["results"]
    assert [found["result"] for found in results] == [[], []]


def test_a_request_of_another_form_is_rejected(address: str) -> None:
    assert post(address, "/predict", {"task": 1}).status_code == 422


def test_submitted_tasks_are_counted_and_other_events_are_not(
    address: str, counted: Counted
) -> None:
    for action, task in (
        ("ANNOTATION_CREATED", {"id": 3}),
        ("PROJECT_UPDATED", None),
        ("TASKS_CREATED", {"id": 4}),
        ("ANNOTATION_UPDATED", {"id": 5}),
    ):
        assert post(address, "/webhook", {"action": action, "task": task}).status_code == 201
    assert counted.tasks == [3, 5]


def test_a_campaign_without_a_champion_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(StreetloopError, match="No champion"):
        Proposals(RECIPE, str(tmp_path))


def test_the_command_starts_at_every_count_and_never_twice_at_a_time(tmp_path: Path) -> None:
    go, log = tmp_path / "go", tmp_path / "log"
    code = (
        "import pathlib, sys, time\n"
        f"with open({str(log)!r}, 'a') as log: log.write('started ')\n"
        f"while not pathlib.Path({str(go)!r}).exists(): time.sleep(0.01)\n"
    )
    after = After(2, [sys.executable, "-c", code])
    after.finished(1)
    after.finished(1)  # submitted again
    assert after._process is None
    after.finished(2)
    first = after._process
    assert first is not None
    for task in (3, 4):
        after.finished(task)
    after.tick()
    assert after._process is first  # it still runs
    go.touch()
    first.wait(60)
    after.tick()
    assert after._process is not first
    after.stop()
    assert log.read_text() == "started started "
    after.tick()
    assert log.read_text() == "started started "


def test_a_command_that_cannot_be_started_is_reported(
    caplog: pytest.LogCaptureFixture,
) -> None:
    after = After(1, ["/no/such/program"])
    after.finished(1)
    assert "Cannot start /no/such/program: No such file or directory." in caplog.text


@pytest.fixture
def heeds_ctrl_c() -> Iterator[None]:
    """Start processes that SIGINT interrupts: a shell that runs the tests in the background ignores it."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("heeds_ctrl_c")
@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 1), (signal.SIGTERM, 0)])
def test_stopping_the_server_waits_for_the_command(
    root: Path, tmp_path: Path, number: signal.Signals, code: int
) -> None:
    """Ctrl-C goes to every process of the terminal's group."""
    go, log, port = tmp_path / "go", tmp_path / "log", free_port()
    script = tmp_path / "cycle.py"
    script.write_text(
        "import pathlib, time\n"
        f"log, go = pathlib.Path({str(log)!r}), pathlib.Path({str(go)!r})\n"
        "log.write_text('begun')\n"
        "while not go.exists(): time.sleep(0.01)\n"
        "time.sleep(0.5)\n"
        "log.write_text('finished')\n"
    )
    command = [sys.executable, "-m", "streetloop", "annotate", "serve", "--root", str(root)]
    command += ["--port", str(port), "--then", f"{sys.executable} {script}", "--after", "1"]
    command += [str(CAMPAIGN.parent / "recipe.yaml")]
    url = f"http://127.0.0.1:{port}"
    with running(command, start_new_session=True) as process:
        wait_until(lambda: answers(f"{url}/health"), process)
        post(url, "/webhook", {"action": "ANNOTATION_CREATED", "task": {"id": 3}})
        wait_until(log.exists, process)
        os.killpg(process.pid, number)
        wait_until(lambda: not answers(f"{url}/health"), process)
        go.touch()
        assert exit_code(process) == code
        assert log.read_text() == "finished"
