"""Done markers: a step that is done with the same inputs is not run again."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from pydantic import BaseModel, ConfigDict

from components.contracts.ledger.campaign import create_campaign
from components.contracts.ledger.lease import Lease, open_cycle
from components.contracts.ledger.ledger import Ledger
from components.contracts.ledger.rules import StaleLeaseError
from components.contracts.process.errors import StreetloopError, UsageError
from components.contracts.recipe.recipe import Recipe
from components.contracts.step.context import Context
from components.contracts.step.done import (
    FailedBeforeError,
    failure_of,
    hash_inputs,
    read_marker,
    run_once,
)
from components.contracts.storage.base import Storage
from components.contracts.storage.errors import StorageError
from components.contracts.storage.open import open_storage


class Result(BaseModel):
    model_config = ConfigDict(allow_inf_nan=False)

    model: str = ""
    size: tuple[int, int] = (0, 0)


class LaterResult(Result):
    parameters: int


def type_name(value: object) -> str:
    return type(value).__name__


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


def test_a_kept_error_shows_no_password(storage: Storage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_PASSWORD", "hunter2hunter2")
    error = RuntimeError("403 for url: http://ann:sesame@mlflow/x, with hunter2hunter2")
    with pytest.raises(RuntimeError):
        run_once(storage, 1, "train", {}, Result, Body(error))
    (name,) = [n for n in storage.list("work") if n.endswith("error.json")]
    kept = storage.read(name).decode()
    assert "403 for url" in kept
    assert "sesame" not in kept
    assert "hunter2" not in kept


def test_a_kept_error_shows_no_variable_that_the_recipe_takes_from_a_secret(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    storage = open_storage(str(tmp_path))
    create_campaign(storage, "street", {}, {})
    monkeypatch.setenv("ODD", "swordfish")
    pod = {"secret_env": {"ODD": "account/odd"}}
    recipe = Recipe.model_validate({"name": "street", "cluster": {"pod": pod}})
    context = Context(recipe.resolved(), str(tmp_path), *lease_of(tmp_path, "first"))
    with pytest.raises(RuntimeError):
        context.once("train", {}, Result, Body(RuntimeError("refused: swordfish")))
    kept = storage.read("work/1/train.error.json").decode()
    assert "refused: ***" in kept
    assert "swordfish" not in kept


def test_an_attempt_after_a_final_failure_of_the_same_run_is_not_made(storage: Storage) -> None:
    failing = Body(UsageError("train.crop is larger than the images. Make it smaller."))
    with pytest.raises(UsageError):
        run_once(storage, 1, "train", {"a": 1}, Result, failing, 7)
    for _ in range(2):
        with pytest.raises(FailedBeforeError, match=r"UsageError: train\.crop is larger.*new run"):
            run_once(storage, 1, "train", {"a": 1}, Result, failing, 7)
    assert failing.runs == 1
    recorded = json.loads(storage.read("work/1/train.error.json"))
    assert recorded["error"] == "UsageError: train.crop is larger than the images. Make it smaller."


@pytest.mark.parametrize(
    ("inputs", "fence"),
    [({"a": 1}, 8), ({"a": 2}, 7), ({"a": 1}, None)],
    ids=["another run", "other inputs", "no run"],
)
def test_a_final_failure_does_not_stop_what_may_succeed(
    storage: Storage, inputs: dict[str, int], fence: int | None
) -> None:
    with pytest.raises(StreetloopError):
        run_once(storage, 1, "train", {"a": 1}, Result, Body(StreetloopError("damaged")), 7)
    body = Body(Result())
    run_once(storage, 1, "train", inputs, Result, body, fence)
    assert body.runs == 1


@pytest.mark.parametrize(
    "error", [StorageError("out of reach"), RuntimeError("no GPU"), MemoryError()], ids=type_name
)
def test_a_transient_failure_is_tried_again(storage: Storage, error: Exception) -> None:
    with pytest.raises(type(error)):
        run_once(storage, 1, "train", {}, Result, Body(error), 7)
    body = Body(Result())
    run_once(storage, 1, "train", {}, Result, body, 7)
    assert body.runs == 1


def test_the_failure_of_a_run_is_its_own_newest(storage: Storage) -> None:
    for step, fence in [("train", 1), ("evaluate", 1), ("split", 2), ("query", 2), ("look", 2)]:
        failing = Body(RuntimeError(f"{step} of run {fence}"))
        with pytest.raises(RuntimeError):
            run_once(storage, 1, step, {}, Result, failing, fence)
    run_once(storage, 1, "look", {}, Result, Body(Result()), 2)  # its second attempt
    own = "The query step failed. RuntimeError: query of run 2"
    assert failure_of(storage, 1, 2) == own
    earlier = "The evaluate step failed. RuntimeError: evaluate of run 1"
    assert failure_of(storage, 1, 1) == earlier
    assert failure_of(storage, 1, 3) is None  # killed by the kernel: it left no error
    assert failure_of(storage, 2, 2) is None


def lease_of(root: Path, owner: str) -> Lease:
    """Take the open cycle of the campaign at `root`."""
    return open_cycle(Ledger(open_storage(str(root))), owner, 600, take_over=True)


def context_of(root: Path, lease: Lease) -> Context:
    return Context(Recipe(name="street").resolved(), str(root), *lease)


def test_a_step_hands_its_fence_to_its_attempts(tmp_path: Path) -> None:
    create_campaign(open_storage(str(tmp_path)), "street", {}, {})
    failing = Body(UsageError("impossible"))
    first = lease_of(tmp_path, "first")
    for error in (UsageError, FailedBeforeError):
        with pytest.raises(error, match="impossible"):
            context_of(tmp_path, first).once("train", {}, Result, failing)
    with pytest.raises(UsageError):
        context_of(tmp_path, lease_of(tmp_path, "second")).once("train", {}, Result, failing)
    assert failing.runs == 2


def test_a_run_that_lost_its_lease_leaves_the_markers_alone(tmp_path: Path) -> None:
    create_campaign(open_storage(str(tmp_path)), "street", {}, {})
    lost, held = (lease_of(tmp_path, owner) for owner in ("lost", "holder"))
    context_of(tmp_path, held).once("train", {"lr": 1}, Result, Body(Result(model="kept")))
    late = Body(Result())
    with pytest.raises(StaleLeaseError, match="run 'holder' holds cycle 1"):
        context_of(tmp_path, lost).once("train", {"lr": 2}, Result, late)
    assert late.runs == 0
    marker = read_marker(open_storage(str(tmp_path)), 1, "train")
    assert marker is not None
    assert marker.outputs["model"] == "kept"


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
