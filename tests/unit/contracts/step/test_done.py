"""Done markers: what was done with the same inputs is not done again."""

from __future__ import annotations

import json
from typing import Any

import pytest

from components.contracts.step.done import hash_inputs, run_once
from components.contracts.storage.base import Storage


class Body:
    """Counts its runs; returns or raises what it is given."""

    def __init__(self, result: Any) -> None:
        self.result, self.runs = result, 0

    def __call__(self) -> dict[str, Any]:
        self.runs += 1
        if isinstance(self.result, Exception):
            raise self.result
        return self.result


def test_the_same_inputs_run_once_and_give_the_same_outputs(storage: Storage) -> None:
    body = Body({"model": "abc", "size": (64, 128)})
    first = run_once(storage, 1, "train", {"a": 1, "b": [1, 2]}, body)
    again = run_once(storage, 1, "train", {"b": (1, 2), "a": 1}, body)
    assert first == again == {"model": "abc", "size": [64, 128]}
    assert body.runs == 1


def test_other_inputs_another_step_or_cycle_run_again(storage: Storage) -> None:
    body = Body({})
    for cycle, step, value in [
        (1, "train", 1),
        (1, "train", 1.5),
        (1, "evaluate", 1.5),
        (2, "train", 1.5),
    ]:
        run_once(storage, cycle, step, {"a": value}, body)
    assert body.runs == 4


def test_an_error_is_recorded_raised_and_forgotten_once_it_works(storage: Storage) -> None:
    with pytest.raises(RuntimeError, match="no GPU"):
        run_once(storage, 1, "train", {}, Body(RuntimeError("no GPU")))
    recorded = json.loads(storage.read("work/1/train.error.json"))
    assert recorded["error"] == "RuntimeError: no GPU"
    assert "test_done.py" in recorded["traceback"]
    assert not storage.exists("work/1/train.done.json")
    run_once(storage, 1, "train", {}, Body({}))
    assert not storage.exists("work/1/train.error.json")


def test_a_marker_does_not_outlive_the_outputs_it_vouches_for(storage: Storage) -> None:
    run_once(storage, 1, "train", {"lr": 1}, Body({"model": "first"}))
    # Other inputs begin to replace the outputs, and fail half-way.
    with pytest.raises(RuntimeError):
        run_once(storage, 1, "train", {"lr": 2}, Body(RuntimeError("killed")))
    body = Body({"model": "first again"})
    assert run_once(storage, 1, "train", {"lr": 1}, body) == {"model": "first again"}
    assert body.runs == 1


def test_a_damaged_marker_counts_as_not_done(storage: Storage) -> None:
    body = Body({})
    for damaged in (b"", b"[]", b'{"inputs_sha256": "'):
        storage.write("work/1/train.done.json", damaged)
        run_once(storage, 1, "train", {}, body)
    assert body.runs == 3


def test_outputs_and_inputs_must_be_json(storage: Storage) -> None:
    with pytest.raises(ValueError, match="Out of range float"):
        run_once(storage, 1, "train", {"loss": float("nan")}, Body({}))
    with pytest.raises(ValueError, match="Out of range float"):
        run_once(storage, 1, "train", {}, Body({"loss": float("nan")}))
    with pytest.raises(TypeError):
        hash_inputs({"path": object()})
    with pytest.raises(ValueError, match="step name"):
        run_once(storage, 1, "../train", {}, Body({}))
