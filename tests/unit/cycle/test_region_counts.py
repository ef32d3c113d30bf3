"""The numbers of regions: in a cycle's report, in what the ledger keeps of it, and in the status."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from pydantic import BaseModel

from components.contracts.ledger.campaign import create_campaign
from components.contracts.ledger.events import Label, LabelsAccepted, Query, QueryItem
from components.contracts.ledger.layout import done_marker
from components.contracts.ledger.lease import open_cycle
from components.contracts.ledger.ledger import Ledger
from components.contracts.recipe.recipe import Recipe
from components.contracts.regions.tiles import Tiles
from components.contracts.step.context import Context
from components.contracts.step.done import DoneMarker
from components.contracts.step.plan import Plan
from components.contracts.step.report import RegionCounts
from components.contracts.step.results import FeedbackResult, QueryResult, Results, SplitResult
from components.contracts.storage.open import open_storage
from components.cycle import close
from pipelines.campaign.display import cycle_table
from pipelines.campaign.status import read_status

RECIPE = {"name": "x", "query": {"unit": "region", "strategy": "entropy", "region_grid": [2, 4]}}
FEEDBACK = FeedbackResult(
    plan=Plan.ASK,
    labeled=2,
    new_labels=0,
    waiting=2,
    version=3,
    records="records/r",
    report="cycles/1/feedback.html",
)
QUERY = QueryResult(asked=2, prefix=None, regions=5)


@pytest.fixture
def ledger(tmp_path: Path) -> Ledger:
    """A campaign that has two regions of a and all of b, and asks for regions of c and d."""
    ledger = create_campaign(open_storage(str(tmp_path)), "x", RECIPE, {})
    _, fence = open_cycle(ledger, "run", 60)
    labels = [
        Label(image_id="a", sha256="0" * 64, annotator="eve", tiles=Tiles(2, 4, (1, 6))),
        Label(image_id="b", sha256="1" * 64, annotator="eve"),
    ]
    accepted = LabelsAccepted(file_sha256="0" * 64, file_name="a", labels=labels, refused=[])
    ledger.commit("labels_accepted", "labels/a", accepted)
    items = [
        QueryItem(image_id=i, score=0.5, reason="unsure", cost=0.1, tiles=Tiles(2, 4, numbers))
        for i, numbers in (("c", (0, 1)), ("d", (2, 3, 4)))
    ]
    query = Query(cycle=1, strategy="entropy", model=None, items=items)
    ledger.commit("query", "query/1", query, fence=fence)
    return ledger


def test_a_report_counts_regions_and_their_share_of_the_pool(ledger: Ledger) -> None:
    context = Context(json.dumps(RECIPE), ledger.storage.uri, cycle=1)
    # Of the four images, a is in both parts.
    split = SplitResult(prefix="splits/1", labeled=2, unlabeled=3)
    results = Results(feedback=FEEDBACK, split=split, query=QUERY)
    report = close.build_report(context, FEEDBACK, results)
    assert report.regions == RegionCounts(labeled=10, share=(2 / 8 + 1) / 4, queried=5)
    report = close.build_report(context, FEEDBACK, Results(feedback=FEEDBACK))
    assert report.regions == RegionCounts(labeled=10, share=None, queried=0)
    whole = Context('{"name": "x"}', ledger.storage.uri, cycle=1)
    assert close.build_report(whole, FEEDBACK, results).regions is None


def test_a_closed_cycle_and_the_status_keep_the_numbers(
    ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(close, "begin", lambda name: None)
    storage = ledger.storage
    done: dict[str, BaseModel] = {"feedback": FEEDBACK, "query": QUERY}
    for name, result in done.items():
        outputs = result.model_dump(mode="json")
        marker = DoneMarker(inputs_sha256="", inputs={}, outputs=outputs, at="", seconds=1.0)
        storage.write(done_marker(1, name), marker.model_dump_json().encode())
    storage.write(FEEDBACK.report, b"<p>labels</p>")
    close.run(json.dumps(RECIPE), storage.uri, "run")

    status = read_status(Recipe.model_validate_json(json.dumps(RECIPE)), storage)
    (row,) = status.cycles
    assert (row.labeled, row.labeled_regions, row.labeled_area) == (2, 10, 1.25)
    assert (row.queried, row.queried_regions) == (2, 5)
    assert (status.labeled, status.labeled_regions, status.waiting.regions) == (2, 10, 5)
    table = cycle_table(status)
    assert [list(column.cells)[-1] for column in table.columns[:3]] == ["1", "2", "10"]
    # The recipe's grid has changed since: what is labeled now counts in its regions.
    coarse = {**RECIPE, "query": {**RECIPE["query"], "region_grid": [1, 4]}}  # type: ignore[dict-item]
    status = read_status(Recipe.model_validate_json(json.dumps(coarse)), storage)
    assert (status.labeled_regions, status.cycles[0].labeled_regions) == (5, 10)
