"""Done markers: a step that is done with the same inputs is not run again."""

from __future__ import annotations

import json

import pytest
from pydantic import BaseModel, ConfigDict

from components.contracts.step.done import hash_inputs, read_marker, run_once
from components.contracts.storage.base import Storage


class Result(BaseModel):
    model_config = ConfigDict(allow_inf_nan=False)

    model: str = ""
    size: tuple[int, int] = (0, 0)


class LaterResult(Result):
    parameters: int


class Body:
    """Counts its runs; returns or raises what it is given."""

    def __init__(self, result: Result | Exception) -> None:
        self.result, self.runs = result, 0

    def __call__(self) -> Result:
        self.runs += 1
        if isinstance(self.result, Exception):
            raise self.result
        return self.result


def test_run_once_runs_once_for_equal_inputs(storage: Storage) -> None:
    body = Body(Result(model="abc", size=(64, 128)))
    first = run_once(storage, 1, "train", {"a": 1, "b": [1, 2]}, Result, body)
    again = run_once(storage, 1, "train", {"b": (1, 2), "a": 1}, Result, body)
    assert first == again == Result(model="abc", size=(64, 128))
    assert body.runs == 1
    marker = read_marker(storage, 1, "train")
    assert marker is not None
    assert marker.outputs == {"model": "abc", "size": [64, 128]}
    assert marker.inputs == {"a": 1, "b": [1, 2]}


def test_run_once_runs_again_for_other_inputs_step_or_cycle(storage: Storage) -> None:
    body = Body(Result())
    for cycle, step, value in [
        (1, "train", 1),
        (1, "train", 1.5),
        (1, "evaluate", 1.5),
        (2, "train", 1.5),
    ]:
        run_once(storage, cycle, step, {"a": value}, Result, body)
    assert body.runs == 4


def test_run_once_records_and_raises_an_error_until_the_step_succeeds(storage: Storage) -> None:
    with pytest.raises(RuntimeError, match="no GPU"):
        run_once(storage, 1, "train", {}, Result, Body(RuntimeError("no GPU")))
    recorded = json.loads(storage.read("work/1/train.error.json"))
    assert recorded["error"] == "RuntimeError: no GPU"
    assert "test_done.py" in recorded["traceback"]
    assert not storage.exists("work/1/train.done.json")
    run_once(storage, 1, "train", {}, Result, Body(Result()))
    assert not storage.exists("work/1/train.error.json")


def test_marker_does_not_outlive_the_outputs_it_vouches_for(storage: Storage) -> None:
    run_once(storage, 1, "train", {"lr": 1}, Result, Body(Result(model="first")))
    # Other inputs begin to replace the outputs, and fail half-way.
    with pytest.raises(RuntimeError):
        run_once(storage, 1, "train", {"lr": 2}, Result, Body(RuntimeError("killed")))
    body = Body(Result(model="first again"))
    assert run_once(storage, 1, "train", {"lr": 1}, Result, body).model == "first again"
    assert body.runs == 1


def test_damaged_marker_counts_as_not_done(storage: Storage) -> None:
    body = Body(Result())
    for damaged in (b"", b"[]", b'{"inputs_sha256": "'):
        storage.write("work/1/train.done.json", damaged)
        run_once(storage, 1, "train", {}, Result, body)
    assert body.runs == 3


def test_marker_of_another_version_counts_as_not_done(storage: Storage) -> None:
    run_once(storage, 1, "train", {}, Result, Body(Result(model="old")))
    later = Body(LaterResult(model="new", parameters=3))
    assert run_once(storage, 1, "train", {}, LaterResult, later).model_dump() == {
        "model": "new",
        "size": (0, 0),
        "parameters": 3,
    }
    assert later.runs == 1


def test_inputs_and_step_names_are_checked(storage: Storage) -> None:
    with pytest.raises(ValueError, match="Out of range float"):
        run_once(storage, 1, "train", {"loss": float("nan")}, Result, Body(Result()))
    with pytest.raises(TypeError):
        hash_inputs({"path": object()})
    with pytest.raises(ValueError, match="Not a step's name"):
        run_once(storage, 1, "../train", {}, Result, Body(Result()))
