"""How a cycle ends, by what its steps left: one that trained nothing waits only if somebody is asked."""

from __future__ import annotations

from pathlib import Path

import pytest

from components.contracts.ledger.layout import done_marker
from components.contracts.step.context import Context
from components.contracts.step.done import DoneMarker
from components.contracts.step.plan import Plan
from components.contracts.step.results import FeedbackResult, QueryResult, Results
from components.cycle.close import build_report, read_results


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


def test_parts_of_the_pool_took_as_long_as_the_longest(tmp_path: Path) -> None:
    context = Context('{"name": "street", "cluster": {"shards": 3}}', str(tmp_path), cycle=1)
    for shard, seconds in ((1, 3.0), (3, 5.0)):  # the second was not done: the query did its work
        marker = DoneMarker(inputs_sha256="", inputs={}, outputs={}, at="", seconds=seconds)
        context.storage.write(done_marker(1, f"look-{shard}"), marker.model_dump_json().encode())
    assert read_results(context).seconds == {"look": 5.0}
