"""The address of MLflow's page for a comparison, and the view that it opens, in a real store."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import parse_qs

import pytest

from components.contracts.tracking.client import Tracker
from components.contracts.tracking.view import (
    CAMPAIGNS,
    CURVES,
    View,
    ablations,
    comparison,
    open_page,
    page,
    save_view,
)

TAG = "mlflow.sharedViewState."
SERVER = "http://127.0.0.1:5000"


def _views(tracker: Tracker) -> dict[str, str]:
    tags = tracker.client.get_experiment(tracker.experiment_id).tags
    return {k.removeprefix(TAG): v for k, v in tags.items() if k.startswith(TAG)}


def _found(tracker: Tracker, view: View) -> list[str]:
    """The names of the runs that a view's filter leaves."""
    runs = tracker.client.search_runs([tracker.experiment_id], view.only)
    return sorted(run.info.run_name for run in runs)


def _run(tracker: Tracker, name: str, tags: dict[str, str], parent: str | None = None) -> str:
    run = tracker.ensure_run(name, name, tags, parent, 1000)
    assert run is not None
    return run


def test_the_address_opens_the_charts_of_the_training_pages(tracker: Tracker) -> None:
    path, _, query = open_page(f"{SERVER}/", tracker, CAMPAIGNS).partition("?")
    assert path == f"{SERVER}/#/experiments/{tracker.experiment_id}/runs"
    assert parse_qs(query) == {
        "workflowType": ["machine_learning"],
        "compareRunsMode": ["CHART"],
        "viewStateShareKey": ["streetloop"],
    }
    assert "streetloop" in _views(tracker)


def test_an_address_never_names_a_view_that_does_not_exist() -> None:
    """MLflow leads from such an address to its GenAI pages."""
    path, _, query = page(SERVER, "1", CAMPAIGNS, saved=False).partition("?")
    assert path == f"{SERVER}/#/experiments/1/runs"
    assert parse_qs(query)["searchFilter"] == [CAMPAIGNS.only]
    assert "viewStateShareKey" not in query
    away = Tracker("http://127.0.0.1:9", "streetloop")
    away.down = True
    address = open_page(SERVER, away, CAMPAIGNS)
    assert address == f"{SERVER}/#/experiments?workflowType=machine_learning"


def test_the_view_shows_the_curves_first_over_the_steps(tracker: Tracker) -> None:
    save_view(tracker, CAMPAIGNS)
    view = json.loads(_views(tracker)["streetloop"])
    assert view["name"] == "Learning curves"
    assert isinstance(view["createdAt"], int)
    state: dict[str, Any] = json.loads(view["state"])
    charts = state["compareRunCharts"]
    assert [c["metricKey"] for c in charts] == list(CURVES)
    assert {c["xAxisKey"] for c in charts} == {"step"}
    assert {c["useGlobalXaxisKey"] for c in charts} == {False}
    (section,) = state["compareRunSections"]
    assert {c["metricSectionId"] for c in charts} == {section["uuid"]}
    assert state["selectedColumns"][: len(CURVES)] == [f"metrics.`{m}`" for m in CURVES]
    assert state["runsHiddenMode"] == "SHOW_ALL"


def test_a_view_is_renewed_unless_a_person_has_changed_it(tracker: Tracker) -> None:
    save_view(tracker, CAMPAIGNS)
    ours = _views(tracker)["streetloop"]
    older = json.loads(ours) | {"name": "Curves of an earlier version"}
    tracker.client.set_experiment_tag(tracker.experiment_id, f"{TAG}streetloop", json.dumps(older))
    save_view(tracker, CAMPAIGNS)
    assert _views(tracker)["streetloop"] == ours
    for theirs in (
        json.dumps(older | {"state": json.dumps({"searchFilter": "metrics.a > 1"})}),
        json.dumps(older | {"state": "deflate;eJyrVkrOzy8oSi0uTgUAGuAEUA=="}),
        json.dumps({"searchFilter": ""}),
        "not JSON",
    ):
        tracker.client.set_experiment_tag(tracker.experiment_id, f"{TAG}streetloop", theirs)
        assert save_view(tracker, CAMPAIGNS)
        assert _views(tracker)["streetloop"] == theirs


def test_the_view_of_campaigns_leaves_out_their_cycles_and_ablations(tracker: Tracker) -> None:
    for name in ("one", "two"):
        parent = _run(tracker, name, {"streetloop.strategy": "entropy"})
        _run(tracker, f"{name} cycle 1", {"streetloop.strategy": "entropy"}, parent)
    _run(tracker, "ablation", {"streetloop.kind": "ablation"})
    _run(tracker, "by hand", {})
    assert _found(tracker, CAMPAIGNS) == ["one", "two"]


def test_a_comparison_has_a_view_of_its_own_with_its_runs_only(tracker: Tracker) -> None:
    ids = {n: _run(tracker, n, {"streetloop.strategy": n}) for n in ("entropy", "random", "third")}
    view = comparison({ids[n]: n for n in ("entropy", "random")})
    assert _found(tracker, view) == ["entropy", "random"]
    assert view.name == "entropy / random"
    assert view.key == comparison({ids[n]: n for n in ("random", "entropy")}).key
    assert view.key != comparison({ids[n]: n for n in ("random", "third")}).key
    long = comparison({f"{i:032x}": f"campaign number {i}" for i in range(30)})
    assert len(long.name) == 80
    assert save_view(tracker, long)  # within MLflow's limit for a tag


@pytest.mark.parametrize("root", ["/runs/a-ablation", "/runs/o'neill", "gs://bucket/one"])
def test_the_view_of_an_ablation_holds_its_fits(tracker: Tracker, root: str) -> None:
    for name, place in (("mine", root), ("other", "/elsewhere")):
        tags = {"streetloop.kind": "ablation", "streetloop.root": place}
        parent = _run(tracker, name, tags)
        _run(tracker, f"{name}, seed 0", tags, parent)
    assert _found(tracker, ablations(root)) == ["mine, seed 0"]
