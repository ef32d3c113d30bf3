"""What a campaign says when it has nothing left to ask for."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from components.contracts.ledger.campaign import create_campaign
from components.contracts.ledger.lease import close_cycle, open_cycle, release
from components.contracts.ledger.ledger import Ledger
from components.contracts.process.errors import StreetloopError
from components.contracts.recipe.recipe import Recipe
from components.contracts.step.done import run_once
from components.contracts.storage.lock import campaign_lock
from components.contracts.storage.open import open_storage
from pipelines.campaign.display import show_status
from pipelines.campaign.status import read_status
from pipelines.campaign.waiting import ending_words, waiting_words
from pipelines.cli import main
from pipelines.console import program

SHA = "a" * 64


def _recipe(**sections: Any) -> Recipe:
    return Recipe.model_validate({"name": "street"} | sections)


@pytest.fixture
def ledger(tmp_path: Path) -> Ledger:
    """A campaign with one label, which no model has seen, and one cycle, which asked for nothing."""
    recipe = _recipe()
    ledger = create_campaign(open_storage(str(tmp_path)), recipe.name, recipe.values(), {})
    lease = open_cycle(ledger, "one", 60)
    label = {"image_id": "a", "sha256": SHA, "annotator": "ann"}
    row = {"file_sha256": SHA, "file_name": "a.png", "labels": [label], "refused": []}
    ledger.commit("labels_accepted", "labels/a", row)
    close_cycle(ledger, *lease, "nothing_to_do", None, {"queried": 0})
    return ledger


def test_the_reason_of_the_end_is_named(ledger: Ledger) -> None:
    state, few = ledger.state(), {"min_new_labels": 3}
    assert ending_words(_recipe(feedback=few), state) == (
        "No image is left to ask for: the pool is used up. 1 label is new, and a cycle trains from 3 on: "
        "lower feedback.min_new_labels to train on what there is."
    )
    words = ending_words(_recipe(query={"label_budget": 1}), state)
    assert words.startswith("The label budget is used up: query.label_budget is 1.")
    assert ending_words(_recipe(query={"label_budget": 2}), state).startswith("No image is left")


def test_a_campaign_that_waits_has_not_ended(ledger: Ledger) -> None:
    open_cycle(ledger, "two", 60)
    assert ending_words(_recipe(), ledger.state()) == ""


def _shown(
    ledger: Ledger, capsys: pytest.CaptureFixture[str], **sections: dict[str, Any]
) -> list[str]:
    """What `streetloop status` prints below the table."""
    show_status(_recipe(**sections), ledger.storage.uri, False, "street.yaml")
    lines = capsys.readouterr().out.splitlines()
    return lines[next(i for i, line in enumerate(lines) if line.startswith("└")) + 1 :]


def test_status_says_how_an_open_cycle_ended(
    ledger: Ledger, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    lease = open_cycle(ledger, "local-2", 3600)
    end = f"Run `{program()} run` with the same options to resume it."
    with campaign_lock(tmp_path):
        assert _shown(ledger, capsys)[0] == "Cycle 2 is open: a run works on it."
    stopped, *more = _shown(ledger, capsys)
    assert stopped == f"Cycle 2 is open: the run was stopped. {end}"
    assert not any("Waiting for labels of 0" in line for line in more)
    release(ledger, "local-2", *lease, "Task train failed.")
    assert _shown(ledger, capsys)[0] == f"Cycle 2 is open: the run failed. Task train failed. {end}"

    def broken() -> Recipe:
        raise StreetloopError("Cannot read b.png.")

    with pytest.raises(StreetloopError):
        run_once(ledger.storage, lease.cycle, "train", {}, Recipe, broken, fence=lease.fence)
    expected = "Cycle 2 is open: the train step failed. StreetloopError: Cannot read b.png. "
    assert _shown(ledger, capsys)[0] == expected + end


def test_status_says_that_a_run_elsewhere_holds_the_cycle_as_long_as_it_may(
    ledger: Ledger, capsys: pytest.CaptureFixture[str]
) -> None:
    lease = open_cycle(ledger, "pod", 3600)
    assert _shown(ledger, capsys)[0] == "Cycle 2 is open: a run works on it."
    release(ledger, "pod", *lease, "")
    expected = "Cycle 2 is open: the run was stopped. Start another run to resume it."
    assert _shown(ledger, capsys)[0] == expected


@pytest.mark.parametrize(
    ("oracle", "cycles", "expected"),
    [
        (False, None, ["Waiting for labels of 1 image.", "  b", "Tasks:", "Or push:", "Hand in:"]),
        (True, None, ["Waiting for labels of 1 image.", "  b", "MLflow:", "Not complete."]),
        (False, 1, ["Asked for and not answered: 1 image.", "  b", "MLflow:", "Complete"]),
        (True, 1, ["Asked for and not answered: 1 image.", "  b", "MLflow:", "Complete"]),
    ],
)
def test_status_names_the_images_below_their_heading(
    ledger: Ledger,
    capsys: pytest.CaptureFixture[str],
    oracle: bool,
    cycles: int | None,
    expected: list[str],
) -> None:
    _ask(ledger)
    lines = _shown(ledger, capsys, feedback={"oracle": oracle}, cycle={"cycles": cycles})
    assert [line[: len(e)] for line, e in zip(lines, expected, strict=False)] == expected
    assert lines.count("  b") == 1


def _ask(ledger: Ledger) -> None:
    """A cycle that trains, and asks for b."""
    lease = open_cycle(ledger, "two", 60)
    items = [{"image_id": "b", "score": 1.0, "reason": "chance", "cost": 1.0}]
    row = {"cycle": 2, "strategy": "random", "model": None, "items": items}
    ledger.commit("query", "query/2", row, fence=lease.fence)
    close_cycle(ledger, *lease, "done", None, {"queried": 1})


def test_a_complete_campaign_asks_nobody_for_labels(ledger: Ledger) -> None:
    ledger.storage.write("inbox/b.png", b"a person's work")
    recipe = _recipe(cycle={"cycles": 1})
    _ask(ledger)
    (line,) = waiting_words(read_status(recipe, ledger.storage), "street.yaml")
    assert line.startswith("1 file in ")
    assert line.endswith(
        "/inbox: no cycle ingests them in a complete campaign; raise cycle.cycles to continue."
    )
    assert ending_words(recipe, ledger.state()) == ""


@pytest.mark.parametrize(
    ("last", "now", "words"),
    [
        (9, 1, "; the last run had 9: give `run` --cycles 9 to continue."),
        (None, 1, "; the last run had none: give `run` --set cycle.cycles=null to continue."),
        (1, 1, ""),
        (9, 9, None),
    ],
)
def test_what_status_and_feedback_say_after_a_run_with_another_number_of_cycles(
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    last: int | None,
    now: int,
    words: str | None,
) -> None:
    recipe = _recipe(cycle={"cycles": last})
    storage = open_storage(str(tmp_path / "root"))
    ledger = create_campaign(storage, recipe.name, recipe.values(), {})
    close_cycle(ledger, *open_cycle(ledger, "one", 60), "done", None, {"queried": 2})
    said = _shown(ledger, capsys, cycle={"cycles": now})[-1]
    path = tmp_path / "street.yaml"
    path.write_text(f"name: street\ncycle: {{cycles: {now}}}\n")
    (tmp_path / "a.png").write_bytes(b"a mask")
    command = ["feedback", "add", str(path), "--root", storage.uri, str(tmp_path / "a.png")]
    told = CliRunner().invoke(main, command).output.splitlines()[-1]
    if words is None:
        assert said == "Not complete."
        assert told == "The next cycle reads them: run `streetloop run` again."
    elif words:
        assert said == f"Complete with cycle.cycles 1 of the recipe{words}"
        assert told == f"No cycle reads them now. {said}"
    else:
        assert said == "Complete."
        assert told == (
            "No cycle reads them now. The campaign is complete: raise cycle.cycles to continue."
        )
