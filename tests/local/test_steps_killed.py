"""The real steps, killed around durable changes and run again: the same end as without a kill."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.support.buckets import Service
from tests.support.waiting import finished

WORKER = Path(__file__).parents[1] / "support" / "step_worker.py"
# What every step makes durable: with people, the first cycle only asks.
PLACES = {
    "open": "ledger/",
    "preprocess": "records/",
    "feedback": "labels/",
    "feedback, its page": "cycles/1/feedback.html",
    "split": "/split/labeled/",
    "train, a checkpoint": "/checkpoint/",
    "train, the model": "models/",
    "evaluate": "report.html",
    "query": "queries/2/",
    "done markers": ".done.json",
    "close": "report.json",
    "close, the end": "delete_prefix work/",
}


def swept(root: object, who: str, first: int, every: int) -> dict[str, Any]:
    """What the worker found: the points of its kills, and those with another end."""
    command = [sys.executable, str(WORKER), str(root), who, str(first), str(every)]
    done = finished(command)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    print(f"{who} in {root}: {len(found['points'])} kills, {len(found['wrong'])} with another end")
    told = [line for line in done.stderr.splitlines() if " INFO " not in line]
    assert found["wrong"] == [], "\n".join(told[-40:])
    assert found["reference"]["problems"] == []
    assert set(found["reference"]["taken"].values()) == {1}, "a label was counted twice"
    return found


@pytest.mark.parametrize(("who", "first"), [("oracle", 3), ("people", 7)])
def test_kills_in_all_steps_change_nothing(memory: Path, who: str, first: int) -> None:
    found = swept(memory, who, first, every=23)
    assert len(found["points"]) >= 6


@pytest.mark.faults
@pytest.mark.parametrize("who", ["oracle", "people"])
def test_a_kill_around_any_durable_change_of_any_step_changes_nothing(
    memory: Path, who: str
) -> None:
    found = swept(memory, who, first=0, every=1)
    assert len(found["points"]) >= 150
    for phase in ("before", "after"):
        points = [point for point in found["points"] if point.startswith(phase)]
        missed = [step for step, place in PLACES.items() if not any(place in p for p in points)]
        assert missed == []


@pytest.mark.faults
def test_kills_while_streets_are_drawn_change_nothing(memory: Path) -> None:
    found = swept(memory, "generated", first=0, every=5)
    assert sum("source/" in point for point in found["points"]) >= 20


@pytest.mark.faults
@pytest.mark.parametrize("who", ["oracle", "people"])
def test_kills_with_the_root_in_a_bucket_change_nothing(service: Service, who: str) -> None:
    found = swept(service.root, who, first=1, every=5)
    assert len(found["points"]) >= 25
