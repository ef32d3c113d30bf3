"""MLflow's runs after somebody deleted them, or lost the store: the next opening mends them."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from components.contracts.ledger.ledger import Ledger
from components.contracts.process.errors import StreetloopError
from components.contracts.recipe.recipe import load
from components.contracts.storage.open import open_storage
from components.contracts.tracking.client import Tracker
from components.contracts.tracking.data import data_name
from components.contracts.tracking.registry import show_champion
from components.contracts.tracking.source import git_sha
from components.cycle import open as opening
from tests.support.stores import ready_store

pytestmark = [
    pytest.mark.timeout(300),
    pytest.mark.filterwarnings("ignore:__array__ implementation doesn't accept a copy"),
    pytest.mark.filterwarnings("ignore:.*Any type hint is inferred as AnyType:UserWarning"),
]
CAMPAIGNS = Path(__file__).parents[2] / "fixtures" / "campaigns"


class Campaign:
    """A campaign with two closed cycles, tracked in a store of its own."""

    def __init__(self, folder: Path) -> None:
        self.root = Path(shutil.copytree(CAMPAIGNS / "v0.1", folder / "campaign"))
        self.track(ready_store(folder / "mlflow" / "mlflow.db"))

    def track(self, uri: str) -> None:
        """Track the campaign in another store from now on."""
        self.recipe = load(CAMPAIGNS / "recipe.yaml", [f"tracking.uri={uri}", "cycle.cycles=3"])
        self.tracker = Tracker(uri, self.recipe.tracking.experiment)

    @property
    def client(self):  # type: ignore[no-untyped-def]
        return self.tracker.client

    @property
    def state(self):  # type: ignore[no-untyped-def]
        return Ledger(open_storage(str(self.root))).state()

    def open(self) -> None:
        opening.run(self.recipe.resolved(), str(self.root), "somebody", True)

    def stages(self) -> dict[str, str]:
        """The lifecycle stage of every run that the ledger names."""
        state = self.state
        ids = [state.campaign_run_id, *(c.run_id for c in state.cycles.values())]
        return {i: self.client.get_run(i).info.lifecycle_stage for i in ids if i}


@pytest.fixture(scope="module")
def opened(tmp_path_factory: pytest.TempPathFactory) -> Campaign:
    """A campaign whose MLflow has everything, and whose third cycle is open."""
    campaign = Campaign(tmp_path_factory.mktemp("campaign"))
    campaign.open()
    return campaign


@pytest.fixture
def campaign(opened: Campaign) -> Iterator[Campaign]:
    yield opened
    opened.tracker._experiment_id = None


def test_a_store_that_never_heard_of_the_campaign_gets_all_of_it(campaign: Campaign) -> None:
    state = campaign.state
    for cycle in (1, 2):
        run = campaign.client.get_run(state.cycles[cycle].run_id)
        assert run.info.status == "FINISHED"
        assert run.data.tags["mlflow.parentRunId"] == state.campaign_run_id
    assert campaign.client.get_run(state.cycles[3].run_id).info.status == "RUNNING"
    curve = campaign.client.get_metric_history(state.campaign_run_id, "val/miou")
    assert [point.step for point in curve] == [1, 2]


def test_the_campaigns_run_shows_what_people_compare(campaign: Campaign) -> None:
    state = campaign.state
    run = campaign.client.get_run(state.campaign_run_id)
    labeled = [state.cycles[n].summary.labeled for n in (1, 2)]
    asked = campaign.client.get_metric_history(run.info.run_id, "curve/labels_asked")
    queried = [state.cycles[n].summary.queried for n in (1, 2)]
    first = len(state.seed) + queried[0]
    assert sorted((p.step, p.value) for p in asked) == [
        (labeled[0], first),
        (labeled[1], first + queried[1]),
    ]
    assert run.data.metrics["curve/labels_asked"] == first + queried[1]
    for name in ("miou", "pixel_accuracy", "dice"):
        points = campaign.client.get_metric_history(run.info.run_id, f"curve/{name}")
        assert sorted(p.step for p in points) == labeled

    (data,) = run.inputs.dataset_inputs
    assert data.dataset.name == data_name(campaign.recipe.data)
    assert state.cycles[2].summary.records.endswith(data.dataset.digest)
    for tags in (run.data.tags, campaign.client.get_run(state.cycles[3].run_id).data.tags):
        assert tags["mlflow.source.name"] == "streetloop"
        assert tags["mlflow.source.type"] == "LOCAL"
        assert tags["mlflow.source.git.commit"] == tags["git.sha"] == git_sha()
    experiment = campaign.client.get_experiment(run.info.experiment_id)
    assert "mlflow.sharedViewState.streetloop" in experiment.tags


def test_the_campaigns_row_leads_to_the_champion_after_each_promotion(campaign: Campaign) -> None:
    state, name = campaign.state, campaign.recipe.name
    run_id = state.campaign_run_id
    versions = {
        v.tags["streetloop.model"]: str(v.version)
        for v in campaign.client.search_model_versions(f"name = '{name}'")
    }
    assert len(versions) == 2

    def shown() -> list[dict[str, str]]:
        models = campaign.client.search_logged_models(
            [campaign.tracker.experiment_id], filter_string=f"source_run_id = '{run_id}'"
        )
        (model,) = models
        assert model.name == "champion"
        (output,) = campaign.client.get_run(run_id).outputs.model_outputs
        assert output.model_id == model.model_id
        return json.loads(model.tags["mlflow.modelVersions"])

    assert shown() == [{"name": name, "version": versions[state.champion.model]}]
    try:
        for model, version in versions.items():
            show_champion(campaign.tracker, run_id, name, model, 2)
            assert shown() == [{"name": name, "version": version}]
        show_champion(campaign.tracker, run_id, name, "0" * 64, 3)  # never registered
        assert shown() == [{"name": name, "version": version}]
    finally:
        show_champion(campaign.tracker, run_id, name, state.champion.model, 2)


def test_deleted_runs_are_restored_and_it_is_said(
    campaign: Campaign, caplog: pytest.LogCaptureFixture
) -> None:
    state = campaign.state
    for run in (state.campaign_run_id, state.cycles[3].run_id):
        campaign.client.delete_run(run)
    campaign.open()
    assert set(campaign.stages().values()) == {"active"}
    assert campaign.state.cycles[3].run_id == state.cycles[3].run_id
    assert sum("had been deleted in MLflow" in r.message for r in caplog.records) == 2


def test_a_deleted_run_that_an_outage_left_unfinished_is_restored_and_finished(
    campaign: Campaign,
) -> None:
    state = campaign.state
    run = state.cycles[2].run_id
    campaign.client.update_run(run, status="RUNNING")  # the closing could not reach MLflow
    for deleted in (run, state.campaign_run_id):
        campaign.client.delete_run(deleted)
    campaign.open()
    assert set(campaign.stages().values()) == {"active"}
    assert campaign.client.get_run(run).info.status == "FINISHED"


def test_the_run_of_a_finished_cycle_stays_deleted(campaign: Campaign) -> None:
    run = campaign.state.cycles[1].run_id
    campaign.client.delete_run(run)
    campaign.open()
    assert campaign.stages()[run] == "deleted"
    campaign.client.restore_run(run)


def test_a_deleted_experiment_is_restored(campaign: Campaign) -> None:
    name = campaign.recipe.tracking.experiment
    campaign.client.delete_experiment(campaign.tracker.experiment_id)
    campaign.open()
    assert campaign.client.get_experiment_by_name(name).lifecycle_stage == "active"
    assert set(campaign.stages().values()) == {"active"}


def test_a_lost_store_is_filled_again_and_the_ledger_names_the_new_runs(tmp_path: Path) -> None:
    campaign = Campaign(tmp_path)
    campaign.open()
    before = campaign.state
    # MLflow keeps a deleted file open, so the lost store is another one.
    campaign.track(ready_store(tmp_path / "lost" / "mlflow.db"))
    for _ in range(2):  # the second opening finds everything and changes nothing
        campaign.open()
    after = campaign.state
    fresh = campaign.tracker
    assert after.campaign_run_id != before.campaign_run_id
    for cycle in (1, 2, 3):
        assert after.cycles[cycle].run_id != before.cycles[cycle].run_id
        assert fresh.status(after.cycles[cycle].run_id) == ("RUNNING" if cycle == 3 else "FINISHED")
    assert len(fresh.client.search_runs([fresh.experiment_id])) == 4
    assert sum(e.kind == "tracking" for e in Ledger(open_storage(str(campaign.root))).events()) >= 6


def test_an_unusable_store_stops_the_opening_before_a_cycle_exists(tmp_path: Path) -> None:
    campaign = Campaign(tmp_path)
    shutil.rmtree(tmp_path / "mlflow")
    (tmp_path / "mlflow").write_text("a file where the folder should be")
    with pytest.raises(StreetloopError, match=r"cannot be used: File exists: .*mlflow"):
        campaign.open()
    assert 3 not in campaign.state.cycles


def test_an_artifact_store_out_of_bounds_stops_the_opening(tmp_path: Path) -> None:
    """The most frequent mistake with a server: its artifacts are in a folder of its own machine."""
    campaign = Campaign(tmp_path)
    (tmp_path / "file").touch()
    campaign.client.create_experiment(
        campaign.recipe.tracking.experiment, (tmp_path / "file" / "below").as_uri()
    )
    with pytest.raises(StreetloopError, match="cannot be used: Not a directory: "):
        campaign.open()


def test_a_deleted_model_of_an_old_cycle_does_not_stop_the_next(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    campaign = Campaign(tmp_path)
    report = json.loads((campaign.root / "cycles/1/report.json").read_text())
    assert report["model"] != campaign.state.champion.model
    shutil.rmtree(campaign.root / "models" / report["model"])
    campaign.open()
    assert "MLflow does not get all of cycle 1" in caplog.text
    assert campaign.state.open_cycle.cycle == 3
    curve = campaign.client.get_metric_history(campaign.state.campaign_run_id, "val/miou")
    assert [point.step for point in curve] == [1, 2]
