"""When a campaign on this machine ends, and what it does not touch."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest

from components.contracts.ledger.campaign import ProtectedValueError
from components.contracts.ledger.lease import close_cycle, open_cycle
from components.contracts.ledger.ledger import Ledger
from components.contracts.process.errors import StreetloopError
from components.contracts.recipe.recipe import Recipe, load
from components.contracts.storage.lock import CampaignBusyError, campaign_lock
from components.contracts.storage.open import open_storage
from components.cycle.campaign_page.write import write_campaign_page
from components.cycle.changes import create
from pipelines.local import campaign
from tests.support.tiny_source import write_item

CAMPAIGNS = Path(__file__).parents[3] / "fixtures" / "campaigns"


@pytest.fixture
def data(tmp_path: Path) -> Path:
    for frame in range(4):
        write_item(tmp_path / "data", f"aa_000000_{frame:06d}")
    return tmp_path / "data"


def _recipe(tmp_path: Path, *changes: str) -> Recipe:
    path = tmp_path / "street.yaml"
    path.write_text("name: street\nfeedback: {oracle: true}\n")
    return load(path, changes)


class Cycles:
    """Cycles that end with this outcome and achieve nothing else."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, outcome: str) -> None:
        self.count, self.outcome = 0, outcome
        monkeypatch.setattr(campaign, "run_cycle", self._run)

    def _run(self, recipe: Recipe, root: str, *more: Any) -> None:
        self.count += 1
        assert self.count < 5, "it never ends"
        storage = open_storage(root)
        create(storage, recipe)
        ledger = Ledger(storage)
        lease = open_cycle(ledger, f"run{self.count}", 60)
        close_cycle(ledger, lease.cycle, lease.fence, self.outcome, None, {})  # type: ignore[arg-type]


@pytest.mark.parametrize("outcome", ["waiting", "nothing_to_do"])
@pytest.mark.parametrize("oracle", ["true", "false"])
def test_a_cycle_that_changed_nothing_ends_the_run(
    data: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    outcome: str,
    oracle: str,
) -> None:
    cycles = Cycles(monkeypatch, outcome)
    recipe = _recipe(tmp_path, f"data.source={data}", f"feedback.oracle={oracle}")
    assert campaign.run_campaign(recipe, str(tmp_path / "root"), "street.yaml") == 0
    assert cycles.count == 1
    said = capsys.readouterr().out
    if (outcome, oracle) == ("nothing_to_do", "false"):
        assert "No image is left to ask for: the pool is used up." in said
    if (outcome, oracle) == ("nothing_to_do", "true"):
        assert "The campaign is complete." in said


def test_a_missing_data_set_leaves_no_campaign(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cycles = Cycles(monkeypatch, "waiting")
    root = tmp_path / "root"
    recipe = _recipe(tmp_path, f"data.source={tmp_path / 'datta'}")
    with pytest.raises(StreetloopError, match="datta"):
        campaign.run_campaign(recipe, str(root), "street.yaml")
    assert cycles.count == 0
    assert not Ledger(open_storage(str(root))).state().created


def test_a_relative_data_set_is_the_one_that_the_campaign_began_with(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cycles = Cycles(monkeypatch, "waiting")
    root = str(tmp_path / "root")
    monkeypatch.chdir(tmp_path)
    assert campaign.run_campaign(_recipe(tmp_path, "data.source=data"), root, "street.yaml") == 0
    Ledger(open_storage(root)).commit("seed", "seed", {"image_ids": ["aa_000000_000000"]})
    # From a folder with other data of the same name, or with none.
    for folder, more in (("there", True), ("nowhere", False)):
        (tmp_path / folder).mkdir()
        if more:
            write_item(tmp_path / folder / "data", "bb_000000_000000")
        monkeypatch.chdir(tmp_path / folder)
        with pytest.raises(ProtectedValueError, match=rf"Give --data {data} .*--root"):
            campaign.run_campaign(_recipe(tmp_path, "data.source=data"), root, "street.yaml")
    assert Ledger(open_storage(root)).state().open_cycle is None
    for spelled in ("../data", "../data/", f"{tmp_path}/there/../data"):
        recipe = load(tmp_path / "street.yaml", data=spelled)
        assert Ledger(open_storage(root)).state().recipe == recipe.values()  # no change to record
        assert campaign.run_campaign(recipe, root, "street.yaml") == 0
    assert cycles.count == 4


def test_a_locked_campaign_is_neither_discarded_nor_asked_about(data: Path, tmp_path: Path) -> None:
    root = tmp_path / "root"
    asked = []
    recipe = _recipe(tmp_path, f"data.source={data}")
    with campaign_lock(root), pytest.raises(CampaignBusyError):
        campaign.run_campaign(recipe, str(root), "street.yaml", lambda: asked.append(1))
    assert not asked


def test_the_lock_is_held_while_the_question_is_asked(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = tmp_path / "root"
    Cycles(monkeypatch, "waiting")

    def discarding() -> None:
        with pytest.raises(CampaignBusyError), campaign_lock(root):
            pass

    recipe = _recipe(tmp_path, f"data.source={data}")
    assert campaign.run_campaign(recipe, str(root), "street.yaml", discarding) == 0


def test_the_end_names_the_page_the_report_and_mlflow(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    root = Path(shutil.copytree(CAMPAIGNS / "v0.1", tmp_path / "frozen"))
    recipe = load(CAMPAIGNS / "recipe.yaml", ["tracking.uri=http://127.0.0.1:1"])
    storage = open_storage(str(root))
    write_campaign_page(Ledger(storage), storage)
    assert campaign.run_campaign(recipe, str(root), "recipe.yaml") == 0
    lines = capsys.readouterr().out.splitlines()
    places = [
        line.split()[:2] for line in lines if line.startswith(("Page:", "Report:", "MLflow:"))
    ]
    assert [name for name, _ in places] == ["Page:", "Report:", "MLflow:"]
    assert places[0][1] == f"{root}/campaign.html"
    assert (root / "campaign.html").exists()
