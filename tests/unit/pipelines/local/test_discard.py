"""`streetloop run --fresh`: what it discards, and when it does not."""

from __future__ import annotations

from pathlib import Path

import pytest

from components.contracts.ledger.campaign import create_campaign
from components.contracts.ledger.lease import LeaseHeldError, open_cycle, release
from components.contracts.ledger.ledger import Ledger
from components.contracts.storage.open import open_storage
from pipelines.local.discard import discard
from pipelines.local.runner import LOCAL


@pytest.fixture
def ledger(tmp_path: Path) -> Ledger:
    return create_campaign(open_storage(str(tmp_path)), "street", {}, {})


def test_a_run_on_a_cluster_keeps_its_campaign(ledger: Ledger, tmp_path: Path) -> None:
    lease = open_cycle(ledger, "b2f0", 60)
    with pytest.raises(LeaseHeldError, match="Nothing was discarded: run 'b2f0' holds cycle 1"):
        discard(str(tmp_path), yes=True)
    assert Ledger(ledger.storage).state().created
    release(ledger, "b2f0", *lease, "it was terminated")
    discard(str(tmp_path), yes=True)
    assert not Ledger(ledger.storage).state().created


def test_a_killed_run_of_this_machine_holds_nothing(ledger: Ledger, tmp_path: Path) -> None:
    open_cycle(ledger, f"{LOCAL}1234", 60)
    discard(str(tmp_path), yes=True)
    assert not Ledger(ledger.storage).state().created
