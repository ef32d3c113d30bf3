"""How a cycle that trained nothing ends: it waits only if somebody is asked."""

from __future__ import annotations

from pathlib import Path

import pytest

from components.contracts.step.context import Context
from components.contracts.step.plan import Plan
from components.contracts.step.results import FeedbackResult, QueryResult, Results
from components.cycle.close import build_report


@pytest.mark.parametrize(
    ("asked", "outstanding", "outcome"),
    [
        (3, 0, "waiting"),
        (0, 2, "waiting"),
        (None, 2, "waiting"),
        (0, 0, "nothing_to_do"),  # the pool is used up, or the budget
        (None, 0, "nothing_to_do"),
    ],
)
def test_an_outcome_follows_from_what_is_asked(
    tmp_path: Path, asked: int | None, outstanding: int, outcome: str
) -> None:
    feedback = FeedbackResult(
        plan=Plan.ASK,
        labeled=4,
        new_labels=0,
        waiting=outstanding,
        version=7,
        records="records/r",
        report="cycles/1/feedback.html",
    )
    query = None if asked is None else QueryResult(asked=asked, prefix=None)
    context = Context('{"name": "street"}', str(tmp_path), cycle=1)
    report = build_report(context, feedback, Results(feedback=feedback, query=query))
    assert report.outcome == outcome
