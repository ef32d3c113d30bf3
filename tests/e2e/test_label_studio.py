"""A whole round with a real Label Studio: push, annotate as a person's browser does, pull, train."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import requests

from components.contracts.ledger.labels import read_label
from components.contracts.ledger.ledger import Ledger
from components.contracts.storage.open import open_storage
from pipelines.annotate.label_studio.connection import connect
from pipelines.annotate.label_studio.exchange import push
from pipelines.annotate.label_studio.project import Project
from tests.support.campaigns import SMOKE, STREETLOOP, state_of, streetloop
from tests.support.gcs_server import answers, free_port
from tests.support.label_studio_server import ENVIRONMENT, Server, running_server
from tests.support.waiting import wait_until
from tfds_cityscapes.labels import IGNORE_LABEL, TRAIN_LABELS

pytestmark = pytest.mark.label_studio

SIZE = (64, 128)  # of the generated streets
BY_NAME = {row.name: row.train_id for row in TRAIN_LABELS}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with running_server(tmp_path_factory.mktemp("label_studio")) as found:
        yield found


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A campaign with a model, whose query waits for three images."""
    root = tmp_path_factory.mktemp("campaign") / "smoke"
    done = streetloop("run", SMOKE, "--root", str(root), "--cycles", "1", cwd=root.parent)
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
    return root


def _annotate(what: str, root: Path, server: Server, token: str) -> str:
    """`streetloop annotate push` or `pull`, as a person types it; what it printed."""
    command = [STREETLOOP, "annotate", what, SMOKE, "--root", str(root)]
    done = subprocess.run(
        [*command, "--label-studio", server.url],
        capture_output=True,
        text=True,
        cwd=root.parent,
        env=os.environ | {"LABEL_STUDIO_API_KEY": token},
    )
    assert done.returncode == 0, done.stderr
    assert token not in done.stdout + done.stderr
    return done.stdout


def _tasks(server: Server, project: int) -> dict[str, dict[str, Any]]:
    """The project's tasks by image id, predictions included."""
    answer = server.ask("GET", f"/api/tasks?project={project}&fields=all&page_size=100")
    assert answer["total"] == len(answer["tasks"])
    tasks = {task["data"]["image_id"]: task for task in answer["tasks"]}
    assert len(tasks) == answer["total"]
    return tasks


def _stroke(mask: np.ndarray, label: str) -> dict[str, Any]:
    """A brush stroke, packed by Label Studio's own encoder in its own environment."""
    code = (
        "import json, sys, numpy as np; from label_studio_sdk.converter.brush import mask2rle\n"
        "print(json.dumps(mask2rle(np.array(json.load(sys.stdin), np.uint8) * 255)))"
    )
    done = subprocess.run(
        [str(ENVIRONMENT / "bin" / "python"), "-c", code],
        input=json.dumps(mask.astype(int).tolist()),
        capture_output=True,
        text=True,
        check=True,
        env={k: v for k, v in os.environ.items() if k != "PYTHONPATH"},
    )
    value = {"format": "rle", "rle": json.loads(done.stdout), "brushlabels": [label]}
    return _result("brush", value)


def _box(label: str, left: int, top: int, right: int, bottom: int) -> dict[str, Any]:
    """A polygon around the pixels of a box."""
    corners = [(left, top), (right, top), (right, bottom), (left, bottom)]
    points = [[100 * x / SIZE[1], 100 * y / SIZE[0]] for x, y in corners]
    return _result("polygon", {"points": points, "closed": True, "polygonlabels": [label]})


def _result(tool: str, value: dict[str, Any]) -> dict[str, Any]:
    size = {"original_height": SIZE[0], "original_width": SIZE[1], "image_rotation": 0}
    return {"type": f"{tool}labels", "from_name": tool, "to_name": "image", "value": value, **size}


def test_a_round_with_a_real_server(
    server: Server, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = sorted(state_of(root).outstanding)
    assert len(asked) == 3

    # Stopped after the second image's upload, before its task: the next push completes it.
    def stops(self: Project, task: dict[str, Any], add: Any = Project.add) -> None:
        if self.tasks():
            raise KeyboardInterrupt
        add(self, task)

    monkeypatch.setenv("LABEL_STUDIO_API_KEY", server.old_token)
    with monkeypatch.context() as patch:
        patch.setattr(Project, "add", stops)
        with pytest.raises(KeyboardInterrupt):
            push(str(root), connect(server.url))
    assert "2 images added, 1 existed" in _annotate("push", root, server, server.token)
    assert "0 images added, 3 existed" in _annotate("push", root, server, server.old_token)
    projects = server.ask("GET", "/api/projects/")["results"]
    assert len(projects) == 1
    number = projects[0]["id"]
    uploads = server.ask("GET", f"/api/projects/{number}/file-uploads?all=true")
    assert len(uploads) == 3

    # Image and prediction are there for the browser, as the query wrote them.
    tasks = _tasks(server, number)
    assert sorted(tasks) == asked
    header = {"Authorization": f"Token {server.old_token}"}
    for image_id, task in tasks.items():
        image = requests.get(server.url + task["data"]["image"], headers=header, timeout=60)
        assert image.content == (root / f"queries/1/images/{image_id}.png").read_bytes()
        (prediction,) = task["predictions"]
        assert prediction["result"]
        assert prediction["model_version"] == projects[0]["model_version"]

    # Nobody has finished anything yet.
    assert "0 annotated images and 0 skipped" in _annotate("pull", root, server, server.token)

    brushed, outlined, skipped = asked
    sky = np.zeros(SIZE, bool)
    sky[:20] = True
    rng = np.random.default_rng(0)
    cars = rng.random(SIZE) < 0.5  # as ragged as a stroke can be
    expected = {brushed: np.full(SIZE, IGNORE_LABEL, np.uint8)}
    expected[brushed][sky] = BY_NAME["sky"]
    expected[brushed][cars] = BY_NAME["car"]
    expected[outlined] = np.full(SIZE, BY_NAME["road"], np.uint8)
    expected[outlined][10:30, 40:90] = BY_NAME["building"]
    drawn = {
        brushed: {"result": [_stroke(sky, "sky"), _stroke(cars, "car")]},
        outlined: {"result": [_box("road", 0, 0, 128, 64), _box("building", 40, 10, 90, 30)]},
        skipped: {"result": [], "was_cancelled": True},
    }
    made = {
        image_id: server.ask("POST", f"/api/tasks/{tasks[image_id]['id']}/annotations/", json=body)
        for image_id, body in drawn.items()
    }

    for _ in range(2):
        printed = _annotate("pull", root, server, server.token)
        assert "2 annotated images and 1 skipped are new" in printed
    assert len(list((root / "inbox").iterdir())) == 1

    done = streetloop(
        *("run", SMOKE, "--root", str(root), "--set", "feedback.oracle=false"), cwd=root.parent
    )
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
    state = state_of(root)
    for image_id, train_ids in expected.items():
        version = state.labels[image_id][-1]
        got = read_label(open_storage(str(root)), image_id, version.sha256)
        np.testing.assert_array_equal(got, train_ids)
    assert list(state.skipped) == [skipped]
    assert not set(asked) & set(state.outstanding)
    assert skipped not in state.labels
    assert Ledger(open_storage(str(root))).verify() == []
    assert not list((root / "rejected").glob("*"))

    # What is known is not fetched again; what a person changes afterwards is.
    assert "0 annotated images and 0 skipped" in _annotate("pull", root, server, server.token)
    changed = {"result": [_box("road", 0, 0, 128, 64)]}
    server.ask("PATCH", f"/api/annotations/{made[outlined]['id']}/", json=changed)
    assert "1 annotated image and 0 skipped" in _annotate("pull", root, server, server.token)

    # The next query goes into the same project.
    assert "3 images added, 0 existed" in _annotate("push", root, server, server.token)
    assert len(server.ask("GET", "/api/projects/")["results"]) == 1
    assert sorted(_tasks(server, number)) == sorted([*asked, *state.outstanding])


def test_a_real_server_asks_the_champion_and_reports_what_people_submit(
    server: Server, root: Path, tmp_path: Path
) -> None:
    (project,) = server.ask("GET", "/api/projects/")["results"]
    number, waiting = project["id"], state_of(root).outstanding
    flag, port = tmp_path / "flag", free_port()
    command = [STREETLOOP, "annotate", "serve", SMOKE, "--root", str(root), "--port", str(port)]
    command += ["--then", f"touch {flag}", "--after", "2"]
    backend = subprocess.Popen(command, cwd=root.parent)
    url = f"http://127.0.0.1:{port}"
    try:
        wait_until(lambda: answers(f"{url}/health"), backend)
        connected = {"project": number, "url": url, "title": "Streetloop"}
        server.ask("POST", "/api/ml/", json=connected)
        action = f"/api/dm/actions?id=retrieve_tasks_predictions&project={number}"
        server.ask("POST", action, json={"selectedItems": {"all": True, "excluded": []}})
        tasks = {i: task for i, task in _tasks(server, number).items() if i in waiting}
        assert len(tasks) == 3
        champion = state_of(root).champion
        assert champion is not None
        version = f"streetloop cycle {champion.cycle} ({champion.model[:8]})"
        for task in tasks.values():
            (found,) = [p for p in task["predictions"] if p["model_version"] == version]
            assert found["result"]
            assert 1 / 19 <= found["score"] <= 1

        hook = {"project": number, "url": f"{url}/webhook", "send_payload": True}
        server.ask("POST", "/api/webhooks/", json=hook | {"send_for_all_actions": True})
        for task in list(tasks.values())[:2]:
            assert not flag.exists()
            body = {"result": [_box("road", 0, 0, 128, 64)]}
            server.ask("POST", f"/api/tasks/{task['id']}/annotations/", json=body)
        wait_until(flag.exists, backend)
    finally:
        backend.terminate()
        assert backend.wait(60) == 0
