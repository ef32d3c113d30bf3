"""`streetloop run --fresh`: what it discards, and when it does not."""

from __future__ import annotations

from pathlib import Path

import pytest

from components.contracts.ledger.campaign import create_campaign, discard_campaign
from components.contracts.ledger.lease import LOCAL, LeaseHeldError, open_cycle, release
from components.contracts.ledger.ledger import Ledger
from components.contracts.process.errors import StreetloopError
from components.contracts.recipe.data import DataSettings, SyntheticSettings
from components.contracts.recipe.recipe import Recipe
from components.contracts.storage import base as storage_module
from components.contracts.storage.open import open_storage
from pipelines.local.discard import discard
from pipelines.local.runner import check_not_held, run_cycle

STREETS = DataSettings(synthetic=SyntheticSettings())


@pytest.fixture
def ledger(tmp_path: Path) -> Ledger:
    return create_campaign(open_storage(str(tmp_path)), "street", {}, {})


def test_a_run_on_a_cluster_keeps_its_campaign(ledger: Ledger, tmp_path: Path) -> None:
    lease = open_cycle(ledger, "b2f0", 60)
    with pytest.raises(LeaseHeldError, match="Nothing was discarded: run 'b2f0' holds cycle 1"):
        discard(str(tmp_path), STREETS, yes=True)
    assert Ledger(ledger.storage).state().created
    release(ledger, "b2f0", *lease, "it was terminated")
    discard(str(tmp_path), STREETS, yes=True)
    assert not Ledger(ledger.storage).state().created


def test_a_killed_run_of_this_machine_holds_nothing(ledger: Ledger, tmp_path: Path) -> None:
    open_cycle(ledger, f"{LOCAL}1234", 60)
    discard(str(tmp_path), STREETS, yes=True)
    assert not Ledger(ledger.storage).state().created


def test_a_mistyped_data_set_does_not_cost_a_campaign(ledger: Ledger, tmp_path: Path) -> None:
    with pytest.raises(StreetloopError, match="datta"):
        discard(str(tmp_path), DataSettings(source=str(tmp_path / "datta")), yes=True)
    assert Ledger(ledger.storage).state().created


def test_nothing_is_discarded_without_a_yes(
    ledger: Ledger, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("click.confirm", lambda question: False)
    with pytest.raises(StreetloopError, match="Nothing was discarded"):
        discard(str(tmp_path), STREETS, yes=False)
    assert Ledger(ledger.storage).state().created


def test_a_local_run_does_not_take_the_cycle_of_a_run_on_a_cluster(
    ledger: Ledger, tmp_path: Path
) -> None:
    lease = open_cycle(ledger, "b2f0", 60)
    with pytest.raises(LeaseHeldError, match="Nothing was started: run 'b2f0' holds cycle 1"):
        run_cycle(Recipe(name="street"), str(tmp_path), tmp_path, tmp_path / "log")
    assert Ledger(ledger.storage).state().last_cycle.owner == "b2f0"
    release(ledger, "b2f0", *lease, "it was terminated")
    check_not_held(Ledger(ledger.storage).state(), "Nothing was started")


def test_a_kill_while_discarding_leaves_no_work_to_the_next_campaign(
    ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    ledger.storage.write("work/1/train.done.json", b"{}")

    def kill(moment: str, operation: str, name: str) -> None:
        if operation == "delete":
            raise KeyboardInterrupt

    monkeypatch.setattr(storage_module, "observer", kill)
    with pytest.raises(KeyboardInterrupt):
        discard_campaign(ledger.storage)
    monkeypatch.undo()
    assert ledger.storage.list("work") == []
