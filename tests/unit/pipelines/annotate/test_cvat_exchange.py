"""Push to and pull from a double of CVAT that loses answers on demand."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from components.contracts.annotation.cvat_jobs import shapes_of
from components.contracts.ledger.labels import read_label
from components.contracts.ledger.ledger import Ledger
from components.contracts.process.errors import StreetloopError
from components.contracts.regions.tiles import Tiles
from components.contracts.storage.open import open_storage
from pipelines.annotate.cvat import upload
from pipelines.annotate.cvat.connection import Cvat, connect
from pipelines.annotate.cvat.pull import pull
from pipelines.annotate.cvat.push import push
from tests.support.cvat_double import TOKEN, CvatDouble, running_cvat
from tests.support.ingest_worker import campaign, painted
from tests.support.queries import FIRST, IMAGES, ask, take_in
from tfds_cityscapes.labels import CLASS_NAMES

CAR = CLASS_NAMES.index("car")


@pytest.fixture
def double(monkeypatch: pytest.MonkeyPatch) -> Iterator[CvatDouble]:
    monkeypatch.setattr(upload, "_FIRST_WAIT", 0.001)
    with running_cvat() as server:
        yield server


@pytest.fixture
def server(double: CvatDouble, monkeypatch: pytest.MonkeyPatch) -> Cvat:
    monkeypatch.setenv("CVAT_ACCESS_TOKEN", TOKEN)
    return connect(double.url)


def contents(double: CvatDouble) -> list[object]:
    """Return what people see on the server; ids may differ."""
    names = {row["id"]: row["name"] for row in double.labels}
    tasks = [
        (
            task["name"],
            double.frames[task["id"]],
            [
                (s["type"], names[s["label_id"]], s["points"], s["frame"])
                for s in double.shapes[task["id"]]
            ],
            [
                (j["start_frame"], j["stop_frame"])
                for j in double.jobs
                if j["task_id"] == task["id"]
            ],
        )
        for task in double.tasks
    ]
    return [[row["name"] for row in double.projects], sorted(tasks)]


def test_push_creates_a_task_a_query_with_its_predictions_and_only_once(
    root: str, double: CvatDouble, server: Cvat
) -> None:
    done = push(root, server)
    assert (done.added, done.kept) == (3, 0)
    assert done.url == f"{double.url}/projects/1"
    assert [task["name"] for task in double.tasks] == ["Cycle 1", "Cycle 2"]
    names = [[frame["name"] for frame in frames] for frames in double.frames.values()]
    assert names == [["a_0_1.png", "a_0_2.png"], ["a_0_3.png"]]
    sent = double.uploads[1]["a_0_2.png"]
    assert sent == (Path(root) / "queries/1/images/a_0_2.png").read_bytes()
    assert [(j["start_frame"], j["stop_frame"]) for j in double.jobs] == [(0, 0), (1, 1), (0, 0)]
    assert [row["name"] for row in double.labels] == list(CLASS_NAMES)
    assert double.labels[CAR] | {"id": 0} == {
        "id": 0,
        "project_id": 1,
        "name": "car",
        "color": "#00008e",
        "type": "any",
    }
    assert double.shapes[1] == []
    (wall, pole) = double.shapes[2]
    assert (wall["type"], wall["points"][-4:]) == ("mask", [0, 0, 4, 3])
    assert (wall["label_id"], pole["label_id"]) == (10 + 3, 10 + 5)
    before = contents(double)
    done = push(root, server)
    assert (done.added, done.kept) == (0, 3)
    assert contents(double) == before


def test_regions_of_one_image_have_frames_of_their_own(
    double: CvatDouble, server: Cvat, tmp_path: Path
) -> None:
    root = str(tmp_path / "root")
    ledger = campaign(root, [])
    ask(ledger, 1, ("a_0_1",), painted(3), Tiles(2, 3, (0,)))
    assert push(root, server).added == 1
    double.finish("a_0_1")
    assert pull(root, server).annotated == 1
    assert take_in(root, tmp_path, IMAGES).state().labeled_area("a_0_1") == (Tiles(2, 3, (0,)),)
    ask(ledger, 2, ("a_0_1",), painted(3), Tiles(2, 3, (5,)))
    again = pull(root, server)
    assert again.files == (), "the finished job is about the other region"
    assert again.missing == 1
    assert [push(root, server).added for _ in range(2)] == [1, 0]
    assert pull(root, server).missing == 0
    assert [task["name"] for task in double.tasks] == ["Cycle 1", "Cycle 2"]


def test_a_job_may_hold_several_images(root: str, double: CvatDouble, server: Cvat) -> None:
    push(root, server, job_size=5)
    assert [(j["start_frame"], j["stop_frame"]) for j in double.jobs] == [(0, 1), (0, 0)]


def test_names_with_blanks_and_accents_come_back(
    tmp_path: Path, double: CvatDouble, server: Cvat
) -> None:
    root, name = str(tmp_path / "root"), "Straße 1 été_color"
    ask(campaign(root, []), 1, (name,), painted(3))
    push(root, server)
    double.finish(name)
    assert pull(root, server).annotated == 1
    assert list(take_in(root, tmp_path, (name,)).state().labels) == [name]


@pytest.mark.parametrize("serves", [True, False], ids=["answer lost", "request lost"])
def test_a_push_completes_one_that_broke_at_any_request(
    root: str, double: CvatDouble, server: Cvat, serves: bool
) -> None:
    start = double.requests
    push(root, server)
    whole, count = contents(double), double.requests - start
    assert count > 20
    for number in range(1, count + 1):
        double.clear()
        double.breaks_at, double.serves = double.requests + number, serves
        with pytest.raises(StreetloopError, match="run this again"):
            push(root, server)
        push(root, server)
        assert contents(double) == whole, number


def test_a_push_waits_for_a_task_that_the_server_still_makes(
    root: str, double: CvatDouble, server: Cvat, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(upload, "_PATIENCE", -1)
    with pytest.raises(StreetloopError, match="workers run"):
        push(root, server)
    monkeypatch.undo()
    monkeypatch.setenv("CVAT_ACCESS_TOKEN", TOKEN)
    (task,) = double.tasks
    assert (task["name"], task["size"]) == ("Cycle 1 (push not finished)", 0)
    push(root, server)
    assert [(t["id"], t["name"]) for t in double.tasks] == [(1, "Cycle 1"), (2, "Cycle 2")]


def test_a_push_starts_over_with_images_that_the_server_could_not_read(
    root: str, double: CvatDouble, server: Cvat
) -> None:
    double.fails = "cannot identify image file"
    with pytest.raises(StreetloopError, match=r"cannot identify image file\. Look at"):
        push(root, server)
    double.fails = ""
    assert push(root, server).added == 3
    assert [task["id"] for task in double.tasks] == [1, 2]


def test_predictions_that_a_person_deleted_do_not_come_back(
    root: str, double: CvatDouble, server: Cvat
) -> None:
    push(root, server)
    double.draw("a_0_3", [])
    push(root, server)
    assert double.shapes[2] == []


def test_push_reads_all_pages(root: str, double: CvatDouble, server: Cvat) -> None:
    double.page_size = 1
    push(root, server)
    assert push(root, server).added == 0


def test_push_replaces_a_task_that_was_deleted(root: str, double: CvatDouble, server: Cvat) -> None:
    push(root, server)
    server.delete("/api/tasks/1")
    assert pull(root, server).missing == 2
    assert push(root, server).added == 2
    assert pull(root, server).missing == 0


def test_a_task_that_is_deleted_while_it_is_pulled_is_reported(
    root: str, double: CvatDouble, server: Cvat
) -> None:
    push(root, server)
    del double.tasks[0]
    double.spoil = lambda method, path, answer: (
        answer | {"results": [{"id": 1, "name": "Cycle 1", "size": 2}]}
        if path == "/api/tasks"
        else answer
    )
    with pytest.raises(StreetloopError, match=r"answered 404: .*deleted it"):
        pull(root, server)


def test_another_campaign_of_the_same_name_gets_a_project_of_its_own(
    root: str, double: CvatDouble, server: Cvat, tmp_path: Path
) -> None:
    push(root, server)
    other = str(tmp_path / "other")
    ask(campaign(other, []), 1, FIRST, None)
    with pytest.raises(StreetloopError, match="annotate push"):
        pull(other, server)
    push(other, server)
    assert len(double.projects) == 2


def test_only_finished_jobs_reach_the_ledger_and_they_are_fetched_once(
    root: str, double: CvatDouble, server: Cvat, tmp_path: Path
) -> None:
    push(root, server)
    for image_id in IMAGES:
        double.draw(image_id, shapes_of(painted(3, 5)))
    assert pull(root, server).files == ()
    double.finish("a_0_1")
    job, number = double.job_of("a_0_2")
    double.deleted[job["task_id"]].append(number)
    double.finish("a_0_2")
    first, again = pull(root, server), pull(root, server)
    assert (first.annotated, first.skipped, first.foreign, first.missing) == (1, 1, 0, 0)
    assert first.files == again.files
    ledger = take_in(root, tmp_path, IMAGES)
    state = ledger.state()
    (version,) = state.labels["a_0_1"]
    np.testing.assert_array_equal(
        read_label(ledger.storage, "a_0_1", version.sha256), painted(3, 5)
    )
    assert (version.annotator, version.at[:10]) == ("eve", "2026-01-01")
    assert set(state.skipped) == {"a_0_2"}
    assert set(state.outstanding) == {"a_0_0", "a_0_3"}
    assert ledger.storage.list("rejected") == []
    assert pull(root, server).files == ()
    double.touch(double.job_of("a_0_1")[0], stage="acceptance")  # a review, which draws nothing
    assert pull(root, server).annotated == 1  # CVAT says that it has changed
    take_in(root, tmp_path, IMAGES)
    assert pull(root, server).files == (), "it was taken in, and is not fetched for ever"
    double.draw("a_0_1", shapes_of(painted(4)))
    assert pull(root, server).annotated == 1


@pytest.mark.parametrize(
    ("stage", "state", "kind", "count"),
    [
        ("annotation", "in progress", "annotation", 0),
        ("annotation", "completed", "annotation", 1),
        ("annotation", "rejected", "annotation", 0),
        ("validation", "new", "annotation", 0),
        ("validation", "completed", "annotation", 1),
        ("acceptance", "new", "annotation", 1),
        ("acceptance", "rejected", "annotation", 0),
        ("acceptance", "completed", "ground_truth", 0),
    ],
)
def test_which_jobs_are_finished(
    root: str, double: CvatDouble, server: Cvat, stage: str, state: str, kind: str, count: int
) -> None:
    push(root, server)
    double.draw("a_0_1", shapes_of(painted(3)))
    double.touch(double.job_of("a_0_1")[0], stage=stage, state=state, type=kind)
    assert pull(root, server).annotated == count


def test_images_of_others_are_left_out(root: str, double: CvatDouble, server: Cvat) -> None:
    push(root, server)
    double.frames[1][0]["name"] = "b_0_0.png"
    double.touch(double.jobs[0], state="completed")
    done = pull(root, server)
    assert (done.annotated, done.foreign, done.missing) == (0, 1, 1)


def test_a_job_of_nobody_is_by_an_unknown_annotator(
    root: str, double: CvatDouble, server: Cvat, tmp_path: Path
) -> None:
    push(root, server)
    double.draw("a_0_1", shapes_of(painted(3)), who=None)
    double.finish("a_0_1")
    pull(root, server)
    (version,) = take_in(root, tmp_path, IMAGES).state().labels["a_0_1"]
    assert version.annotator == "unknown"
    assert pull(root, server).files == ()


def test_an_empty_image_of_a_finished_job_is_rejected_and_fetched_again(
    root: str, double: CvatDouble, server: Cvat, tmp_path: Path
) -> None:
    push(root, server)
    double.finish("a_0_1")
    pull(root, server)
    assert "a_0_1" in take_in(root, tmp_path, IMAGES).state().outstanding
    double.draw("a_0_1", shapes_of(painted(3)))
    assert pull(root, server).annotated == 1
    assert "a_0_1" in take_in(root, tmp_path, IMAGES).state().labels


def test_many_images_come_in_several_files(
    tmp_path: Path, double: CvatDouble, server: Cvat
) -> None:
    root = str(tmp_path / "root")
    images = tuple(f"a_1_{n}" for n in range(60))
    ask(campaign(root, []), 1, images, None)
    push(root, server, job_size=7)
    for image_id in images:
        double.draw(image_id, shapes_of(painted(3)))
        double.finish(image_id)
    done = pull(root, server)
    assert (done.annotated, len(done.files)) == (60, 3)
    assert len(take_in(root, tmp_path, images).state().labels) == 60


def test_a_project_without_a_class_is_reported(root: str, double: CvatDouble, server: Cvat) -> None:
    push(root, server)
    double.labels[CAR]["name"] = "vehicle"
    for command in (push, pull):
        with pytest.raises(StreetloopError, match=r"has no label car\. Add it"):
            command(root, server)
    double.labels[CAR] |= {"name": "car", "type": "rectangle"}
    with pytest.raises(StreetloopError, match=r"no mask can have the label car\. Set"):
        push(root, server)


def test_push_reports_an_error_with_the_servers_reason(
    root: str, double: CvatDouble, server: Cvat
) -> None:
    push(root, server)
    double.tasks[0]["name"] += " (push not finished)"
    ask(Ledger(open_storage(root)), 3, ("a_0_4",), painted(3))
    double.labels.append(double.labels[3] | {"id": 99, "name": "other"})
    double.spoil = lambda method, path, answer: (
        answer | {"results": [row | {"id": row["id"] + 500} for row in answer["results"]]}
        if path == "/api/labels"
        else answer
    )
    with pytest.raises(StreetloopError, match="answered 400: label_id is not in the task"):
        push(root, server)


def without(key: str) -> Callable[[Any], Any]:
    """Return a function that removes a key from an answer, or from the rows of its page."""

    def spoil(answer: Any) -> Any:
        for row in [answer, *answer.get("results", ())]:
            row.pop(key, None)
        return answer

    return spoil


SPOILED: list[tuple[str, str, Callable[[Any], Any], str]] = [
    ("GET /api/projects", "pull", without("results"), "list of projects has no results"),
    ("GET /api/projects", "pull", without("next"), "list of projects has no next"),
    ("GET /api/projects", "pull", lambda answer: None, "is nothing; expected an object"),
    ("GET /api/labels", "pull", without("type"), "list of labels has no type"),
    ("GET /api/tasks", "push", without("name"), "list of tasks has no name"),
    ("GET /api/tasks/1/data/meta", "push", without("frames"), "images has no frames"),
    ("GET /api/jobs", "pull", without("state"), "list of jobs has no state"),
    ("GET /api/jobs", "pull", without("assignee"), "list of jobs has no assignee"),
    ("GET /api/jobs/100/annotations/", "pull", without("tracks"), "annotations has no tracks"),
    ("POST /api/tasks", "ask", without("id"), "a new task has no id"),
    ("POST /api/tasks/3/data/", "ask", lambda answer: {}, "an upload has no rq_id"),
]


@pytest.mark.parametrize(("request_", "command", "spoil", "words"), SPOILED)
def test_an_answer_of_another_shape_is_reported(
    root: str,
    double: CvatDouble,
    server: Cvat,
    request_: str,
    command: str,
    spoil: Callable[[Any], Any],
    words: str,
) -> None:
    push(root, server)
    double.draw("a_0_1", shapes_of(painted(3)))
    double.finish("a_0_1")
    if command == "ask":
        ask(Ledger(open_storage(root)), 3, ("a_0_4",), None)
    double.spoil = lambda method, path, answer: (
        spoil(answer) if f"{method} {path}" == request_ else answer
    )
    with pytest.raises(StreetloopError, match=words):
        (pull if command == "pull" else push)(root, server)


def test_push_reports_a_missing_prediction_of_the_query(root: str, server: Cvat) -> None:
    name = "queries/2/predictions/a_0_3_gtFine_labelTrainIds.png"
    (Path(root) / name).unlink()
    with pytest.raises(StreetloopError, match=name):
        push(root, server)
