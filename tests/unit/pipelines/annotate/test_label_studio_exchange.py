"""Push and pull against a double of Label Studio that loses answers on demand."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from components.contracts.annotation import label_studio
from components.contracts.annotation.label_studio import labeling_config
from components.contracts.ledger.labels import read_label
from components.contracts.ledger.ledger import Ledger
from components.contracts.process.errors import StreetloopError
from components.contracts.regions.tiles import Tiles
from components.contracts.storage.open import open_storage
from pipelines.annotate.label_studio.connection import LabelStudio, connect
from pipelines.annotate.label_studio.exchange import pull, push
from tests.support.ingest_worker import campaign, painted
from tests.support.label_studio_double import OLD_TOKEN, PERSONAL_TOKEN, Double
from tests.support.queries import FIRST, IMAGES, ask, take_in


@pytest.fixture
def server(double: Double, monkeypatch: pytest.MonkeyPatch) -> LabelStudio:
    monkeypatch.setenv("LABEL_STUDIO_API_KEY", OLD_TOKEN)
    return connect(double.url)


def strokes(*train_ids: int) -> list[dict]:
    return label_studio.write_task("x", "x", painted(*train_ids))["predictions"][0]["result"]


def contents(double: Double) -> list[object]:
    """Return what people see on the server."""
    files = {f"/data/{row['file']}": row["file"].partition("-")[2] for row in double.uploads}
    tasks = [{**t, "data": {**t["data"], "image": files[t["data"]["image"]]}} for t in double.tasks]
    return [list(double.projects.values()), tasks, sorted(files.values())]


def test_push_creates_tasks_in_the_order_of_the_queries_and_only_once(
    root: str, double: Double, server: LabelStudio
) -> None:
    done = push(root, server)
    assert (done.added, done.kept) == (3, 0)
    assert done.url == f"{double.url}/projects/1/data"
    assert [task["data"]["image_id"] for task in double.tasks] == list(IMAGES)
    assert [len(task["predictions"]) for task in double.tasks] == [0, 0, 1]
    assert double.projects[1]["label_config"] == labeling_config()
    before = contents(double)
    done = push(root, server)
    assert (done.added, done.kept) == (0, 3)
    assert contents(double) == before


@pytest.mark.parametrize("serves", [True, False], ids=["answer lost", "request lost"])
def test_a_push_completes_one_that_broke_at_any_request(
    root: str, double: Double, server: LabelStudio, serves: bool
) -> None:
    start = double.requests
    push(root, server)
    whole, count = contents(double), double.requests - start
    assert count > 10
    for number in range(1, count + 1):
        double.projects, double.tasks, double.uploads = {}, [], []
        double.breaks_at, double.serves = double.requests + number, serves
        with pytest.raises(StreetloopError, match="run this again"):
            push(root, server)
        push(root, server)
        assert contents(double)[:2] == whole[:2], number
        # An image whose upload succeeded unnoticed may be there twice; a task may not.
        assert set(contents(double)[2]) == set(whole[2])


def test_push_reads_all_pages_of_tasks(root: str, double: Double, server: LabelStudio) -> None:
    push(root, server)
    others = [{"id": n, "data": {"text": "x"}, "annotations": []} for n in range(10, 210)]
    double.tasks = others + double.tasks
    assert push(root, server).added == 0


def test_push_restores_the_labeling_interface(
    root: str, double: Double, server: LabelStudio
) -> None:
    push(root, server)
    double.projects[1] |= {"label_config": "<View/>", "title": "Renamed by a person"}
    push(root, server)
    assert double.projects[1]["label_config"] == labeling_config()
    assert double.projects[1]["title"] == "Renamed by a person"


def test_another_campaign_of_the_same_name_gets_a_project_of_its_own(
    root: str, double: Double, server: LabelStudio, tmp_path: Path
) -> None:
    push(root, server)
    other = str(tmp_path / "other")
    ask(campaign(other, []), 1, FIRST, None)
    with pytest.raises(StreetloopError, match="annotate push"):
        pull(other, server)
    push(other, server)
    assert len(double.projects) == 2


def test_finished_tasks_reach_the_ledger_and_are_fetched_once(
    root: str, double: Double, server: LabelStudio, tmp_path: Path
) -> None:
    push(root, server)
    assert pull(root, server).files == ()
    double.annotate("a_0_1", strokes(3, 5))
    double.annotate("a_0_2", [], cancelled=True)
    double.tasks.append({"id": 99, "data": {"image_id": "b_0_0"}, "annotations": []})
    double.annotate("b_0_0", strokes(1))
    first, again = pull(root, server), pull(root, server)
    assert (first.annotated, first.skipped, first.foreign) == (1, 1, 1)
    assert first.files == again.files
    ledger = take_in(root, tmp_path, IMAGES)
    state = ledger.state()
    (version,) = state.labels["a_0_1"]
    np.testing.assert_array_equal(
        read_label(ledger.storage, "a_0_1", version.sha256), painted(3, 5)
    )
    assert version.annotator == "7"
    assert set(state.skipped) == {"a_0_2"}
    assert "a_0_3" in state.outstanding
    assert ledger.storage.list("rejected") == []
    assert pull(root, server).files == ()
    double.annotate("a_0_1", strokes(4))
    assert pull(root, server).annotated == 1


def test_regions_of_one_image_have_tasks_of_their_own(
    double: Double, server: LabelStudio, tmp_path: Path
) -> None:
    root = str(tmp_path / "root")
    ledger = campaign(root, [])
    ask(ledger, 1, ("a_0_1",), None, Tiles(2, 3, (0,)))
    assert push(root, server).added == 1
    double.annotate("a_0_1", strokes(3))
    assert pull(root, server).annotated == 1
    assert take_in(root, tmp_path, IMAGES).state().labeled_area("a_0_1") == (Tiles(2, 3, (0,)),)
    ask(ledger, 2, ("a_0_1",), None, Tiles(2, 3, (5,)))
    assert pull(root, server).files == (), "the finished task is about the other region"
    assert push(root, server).added == 1
    assert push(root, server).added == 0
    regions = [task["data"]["regions"] for task in double.tasks]
    assert regions == ["0 of 2x3", "5 of 2x3"]


def test_what_is_left_of_a_task_may_be_skipped(
    double: Double, server: LabelStudio, tmp_path: Path
) -> None:
    root, drawn = str(tmp_path / "root"), np.full((4, 6), 255, np.uint8)
    drawn[:2, :2] = 3  # one of the two regions
    result = label_studio.write_task("x", "x", drawn)["predictions"][0]["result"]
    ask(campaign(root, []), 1, ("a_0_1",), None, Tiles(2, 3, (0, 5)))
    push(root, server)
    double.annotate("a_0_1", result)
    assert pull(root, server).annotated == 1
    ledger = take_in(root, tmp_path, IMAGES)
    assert ledger.state().outstanding["a_0_1"].tiles == Tiles(2, 3, (5,))
    assert push(root, server).added == 0, "its task is there"
    double.tasks[0]["annotations"].clear()
    double.annotate("a_0_1", [], cancelled=True)
    assert pull(root, server).skipped == 1
    state = take_in(root, tmp_path, IMAGES).state()
    assert not state.outstanding
    assert state.passed["a_0_1"] == (Tiles(2, 3, (5,)),)


def test_a_rejected_annotation_is_fetched_again_while_its_image_waits(
    root: str, double: Double, server: LabelStudio, tmp_path: Path
) -> None:
    push(root, server)
    double.annotate("a_0_1", [])
    pull(root, server)
    ledger = take_in(root, tmp_path, IMAGES)
    assert "a_0_1" in ledger.state().outstanding
    double.annotate("a_0_1", strokes(3))
    assert pull(root, server).annotated == 1
    assert "a_0_1" in take_in(root, tmp_path, IMAGES).state().labels


def test_many_tasks_come_in_several_files(
    tmp_path: Path, double: Double, server: LabelStudio
) -> None:
    root = str(tmp_path / "root")
    images = tuple(f"a_1_{n}" for n in range(60))
    ask(campaign(root, []), 1, images, None)
    push(root, server)
    for image_id in images:
        double.annotate(image_id, strokes(3))
    done = pull(root, server)
    assert (done.annotated, len(done.files)) == (60, 3)


def test_an_access_token_that_expires_during_a_push_is_renewed(
    root: str, double: Double, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LABEL_STUDIO_API_KEY", PERSONAL_TOKEN)
    double.lives = 2
    push(root, connect(double.url))
    assert len(double.tasks) == 3
    assert "Bearer access-3" in double.authorizations


def test_an_error_of_a_gateway_is_reported(root: str, double: Double, server: LabelStudio) -> None:
    double.gateway = True
    with pytest.raises(StreetloopError, match="answered 502: no reason given"):
        push(root, server)


def test_why_an_image_was_skipped_reaches_the_ledger(
    root: str, double: Double, server: LabelStudio, tmp_path: Path
) -> None:
    push(root, server)
    double.annotate("a_0_2", [], cancelled=True, comment="too dark")
    pull(root, server)
    ledger = take_in(root, tmp_path, IMAGES)
    (event,) = [e for e in ledger.events() if e.kind == "task_skipped"]
    assert "too dark" in str(event.payload)


def without(*keys: str | int) -> Callable[[Any], Any]:
    """Return a function that removes the value at a path of keys and positions from an answer."""

    def spoil(answer: Any) -> Any:
        part = answer
        for key in keys[:-1]:
            part = part[key]
        part.pop(keys[-1], None)
        return answer

    return spoil


SPOILED: list[tuple[str, str, Callable[[Any], Any], str]] = [
    ("GET /api/projects/", "pull", without("results"), "list of projects has no results"),
    ("GET /api/projects/", "pull", without("next"), "list of projects has no next"),
    ("GET /api/projects/", "pull", lambda answer: [], "is a list; expected an object"),
    (
        "GET /api/projects/",
        "pull",
        without("results", 0, "description"),
        "has no results.description",
    ),
    ("GET /api/projects/1/", "push", without("label_config"), "a project has no label_config"),
    ("GET /api/tasks", "push", without("tasks"), "list of tasks has no tasks"),
    (
        "GET /api/tasks",
        "push",
        lambda answer: {"tasks": None},
        "has nothing as tasks; expected a list",
    ),
    (
        "GET /api/tasks",
        "push",
        without("tasks", 0, "total_annotations"),
        "has no tasks.total_annotations",
    ),
    (
        "GET /api/tasks",
        "push",
        without("tasks", 0, "cancelled_annotations"),
        "has no tasks.cancelled_annot",
    ),
    ("GET /api/tasks", "push", without("tasks", 0, "data"), "list of tasks has no tasks.data"),
    ("GET /api/tasks", "push", without("tasks", 0, "id"), "list of tasks has no tasks.id"),
    ("GET /api/projects/1/file-uploads", "ask", lambda answer: {}, "is an object; expected a list"),
    ("GET /api/projects/1/file-uploads", "ask", without(0, "file"), "list of uploads has no file"),
    ("GET /api/import/file-upload/4", "ask", without("file"), "an upload has no file"),
    (
        "POST /api/projects/1/import",
        "ask",
        without("file_upload_ids"),
        "has no file_upload_ids. Editions other",
    ),
    (
        "POST /api/projects/1/import",
        "ask",
        lambda a: {"file_upload_ids": []},
        "did not accept the image",
    ),
    (
        "GET /api/projects/1/export",
        "pull",
        lambda answer: {},
        "an export is an object; expected a list",
    ),
    ("GET /api/projects/1/export", "pull", without(0, "annotations"), "export has no annotations"),
    ("GET /api/projects/1/export", "pull", without(0, "data"), "export has no data\\."),
    ("GET /api/projects/1/export", "pull", without(0, "data", "image_id"), "has no data.image_id"),
    ("GET /api/projects/1/export", "pull", without(0, "id"), "export has no id"),
    (
        "GET /api/projects/1/export",
        "pull",
        without(0, "annotations", 0, "was_cancelled"),
        "export has no annotations.was_cancelled",
    ),
]


@pytest.mark.parametrize(("request_", "command", "spoil", "words"), SPOILED)
def test_an_answer_of_another_shape_is_reported(
    root: str,
    double: Double,
    server: LabelStudio,
    request_: str,
    command: str,
    spoil: Callable[[Any], Any],
    words: str,
) -> None:
    push(root, server)
    double.annotate("a_0_1", strokes(3))
    if command == "ask":  # one more image to upload
        ask(Ledger(open_storage(root)), 3, ("a_0_4",), None)
    double.spoil = lambda method, path, answer: (
        spoil(answer) if f"{method} {path}" == request_ else answer
    )
    with pytest.raises(StreetloopError, match=words):
        (pull if command == "pull" else push)(root, server)


def test_a_project_that_was_not_created_is_reported(
    root: str, double: Double, server: LabelStudio
) -> None:
    double.spoil = lambda method, path, answer: (
        {} if (method, path) == ("POST", "/api/projects/") else answer
    )
    with pytest.raises(StreetloopError, match="a new project has no id"):
        push(root, server)


def test_push_reports_a_missing_campaign_and_an_empty_list(
    server: LabelStudio, tmp_path: Path, double: Double
) -> None:
    with pytest.raises(StreetloopError, match="No campaign in"):
        push(str(tmp_path / "none"), server)
    root = str(tmp_path / "root")
    campaign(root, ["a_0_0"])
    with pytest.raises(StreetloopError, match="waits for a label"):
        push(root, server)
    assert double.projects == {}


def test_push_reports_a_missing_image_of_the_query(root: str, server: LabelStudio) -> None:
    (Path(root) / "queries/1/images/a_0_2.png").unlink()
    with pytest.raises(StreetloopError, match=r"queries/1/images/a_0_2\.png"):
        push(root, server)
