"""Campaigns side by side, from ledgers written by hand."""

from __future__ import annotations

import json
import urllib.parse
from pathlib import Path

import pytest
from click.testing import CliRunner

from components.contracts.ledger.campaign import create_campaign
from components.contracts.ledger.lease import close_cycle, open_cycle
from components.contracts.recipe.recipe import load
from components.contracts.step.report import CycleReport
from components.contracts.storage.open import open_storage
from components.contracts.tracking.client import Tracker
from pipelines.campaign.compare import Campaign, labels_needed, mlflow_url, read, table_of
from pipelines.cli import main
from tests.support.stores import ready_store


@pytest.fixture
def recipe(tmp_path: Path) -> Path:
    path = tmp_path / "people.yaml"
    path.write_text("name: people\n")
    return path


def report(cycle: int, labeled: int) -> CycleReport:
    return CycleReport(
        cycle=cycle,
        outcome="done",
        labeled=labeled,
        unlabeled=0,
        new_labels=labeled,
        feedback=None,
        queried=0,
        seconds=0.0,
        seconds_by_step={},
        waiting_for_data=None,
        records=None,
        model=None,
        promoted=None,
        reasons=[],
        champion=None,
        dev=None,
        val=None,
        baseline=None,
    )


def _campaign(
    root: Path, recipe: Path, scores: list[tuple[int, float]], **more: float | None
) -> None:
    storage = open_storage(str(root))
    resolved = json.loads(load(recipe).resolved())
    ledger = create_campaign(storage, "people", resolved, {})
    for labeled, miou in scores:
        lease = open_cycle(ledger, f"run-{labeled}", 60)
        name = f"cycles/{lease.cycle}/report.json"
        storage.write(name, report(lease.cycle, labeled).model_dump_json().encode())
        summary = {"labeled": labeled, "miou": miou, "pixel_accuracy": miou, "dice": miou}
        close_cycle(ledger, lease.cycle, lease.fence, "done", name, summary | more)


def test_labels_needed_is_the_fewest_that_reached_the_score(tmp_path: Path, recipe: Path) -> None:
    _campaign(tmp_path / "one", recipe, [(10, 0.2), (20, 0.5), (30, 0.4), (40, 0.6)])
    campaign = read(load(recipe), str(tmp_path / "one"))
    assert labels_needed(campaign, 0.45) == 20
    assert labels_needed(campaign, 0.6) == 40
    assert labels_needed(campaign, 0.7) is None


def test_the_table_contains_every_cycle_of_every_campaign(tmp_path: Path, recipe: Path) -> None:
    _campaign(tmp_path / "one", recipe, [(10, 0.2), (20, 0.5)])
    _campaign(tmp_path / "two", recipe, [(10, 0.3)])
    campaigns = [read(load(recipe), str(tmp_path / name)) for name in ("one", "two")]
    table = table_of(campaigns)
    assert list(table.columns[3].cells) == ["20.0", "50.0", "", "", "30.0", "", ""]
    assert list(table.columns[2].cells)[2:4] == ["20", "20"]
    assert list(table.columns[2].cells)[5:] == ["not reached", "not reached"]


def test_regions_are_compared_by_their_area_whatever_the_grid_is_now(
    tmp_path: Path, recipe: Path
) -> None:
    _campaign(tmp_path / "one", recipe, [(40, 0.2)], labeled_regions=96, labeled_area=3.0)
    change = ["query.unit=region", "query.strategy=entropy", "query.region_grid=[2, 2]"]
    (row,) = read(load(recipe, change), str(tmp_path / "one")).cycles
    assert (row.labeled, row.labeled_regions) == (3, 96)
    _campaign(tmp_path / "two", recipe, [(40, 0.2)], labeled_regions=None)
    assert read(load(recipe, change), str(tmp_path / "two")).cycles[0].labeled == 40


def test_compare_prints_and_draws(tmp_path: Path, recipe: Path) -> None:
    _campaign(tmp_path / "one", recipe, [(10, 0.2), (20, 0.5)])
    _campaign(tmp_path / "two", recipe, [(10, 0.3), (20, 0.4)])
    output = tmp_path / "curves.png"
    named = [f"{recipe}@{tmp_path / name}" for name in ("one", "two")]
    done = CliRunner().invoke(main, ["compare", *named, "--output", str(output)])
    assert done.exit_code == 0, done.output
    assert output.read_bytes().startswith(b"\x89PNG")
    assert "50.0" in done.output


def _with_runs(
    name: str, root: Path, store: str, run_id: str | None, experiment: str = "streetloop"
) -> Campaign:
    return Campaign(name, str(root), [], run_id, store, experiment)


def _parts(url: str | None) -> tuple[str, dict[str, str]]:
    assert url is not None
    page, _, query = url.partition("?")
    return page, {k: v[0] for k, v in urllib.parse.parse_qs(query).items()}


def test_mlflow_url_opens_the_same_curves(tmp_path: Path) -> None:
    store = ready_store(tmp_path / "mlflow.db")
    campaigns = [_with_runs(n, tmp_path / n, store, n * 4) for n in ("b", "a")]
    page, query = _parts(mlflow_url(campaigns))
    tracker = Tracker(store, "streetloop")
    assert page == f"http://127.0.0.1:5000/#/experiments/{tracker.experiment_id}/runs"
    assert query["workflowType"] == "machine_learning"
    assert query["compareRunsMode"] == "CHART"
    tags = tracker.client.get_experiment(tracker.experiment_id).tags
    view = json.loads(tags[f"mlflow.sharedViewState.{query['viewStateShareKey']}"])
    assert view["name"] == "b / a"
    state = json.loads(view["state"])
    assert state["searchFilter"] == "attributes.run_id IN ('aaaa', 'bbbb')"
    assert state["compareRunCharts"][0]["metricKey"] == "curve/miou"


def test_mlflow_url_of_two_experiments_opens_one_curve_of_both(tmp_path: Path) -> None:
    store = ready_store(tmp_path / "mlflow.db")
    campaigns = [_with_runs(n, tmp_path / n, store, n * 4, experiment=n) for n in ("a", "b")]
    page, query = _parts(mlflow_url(campaigns))
    assert page == "http://127.0.0.1:5000/#/metric"
    assert query["workflowType"] == "machine_learning"
    ids = [Tracker(store, n).experiment_id for n in ("a", "b")]
    assert json.loads(query["experiments"]) == ids
    assert json.loads(query["runs"]) == ["aaaa", "bbbb"]
    assert json.loads(query["plot_metric_keys"]) == ["curve/miou"]
    assert query["x_axis"] == "step"


def test_mlflow_url_is_none_for_two_stores(tmp_path: Path) -> None:
    one, two = (ready_store(tmp_path / f"{n}.db") for n in ("one", "two"))
    assert mlflow_url([_with_runs("a", tmp_path, s, "a") for s in (one, two)]) is None
    assert mlflow_url([_with_runs("a", tmp_path, one, None)]) is None


def test_compare_names_a_campaign_without_a_trained_cycle(tmp_path: Path, recipe: Path) -> None:
    named = f"{recipe}@{tmp_path / 'nothing'}"
    done = CliRunner().invoke(main, ["compare", named, "--output", str(tmp_path / "x.png")])
    assert done.exit_code == 1
    assert "nothing" in done.output
