"""A whole campaign whose root is in a bucket of a real storage server ends as one in a folder."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from components.contracts.ledger.ledger import Ledger
from components.contracts.storage.open import open_storage
from tests.support.buckets import Service
from tests.support.campaigns import SMOKE, models_of, state_of, streetloop
from tests.support.fault_proxy import fault_proxy


@pytest.mark.parametrize(
    "rate", [pytest.param(0.0, marks=pytest.mark.slow), pytest.param(0.2, marks=pytest.mark.faults)]
)
def test_a_campaign_in_a_bucket_ends_as_one_in_a_folder(
    smoke: Path, service: Service, rate: float, tmp_path: Path
) -> None:
    """At rate 0.2 every fifth request meets a fault: busy, slow down, no answer, stored but busy."""
    root = service.root
    with (
        fault_proxy(service.url, rate=rate, silence_s=2.0) as proxy,
        service.pointed_at(proxy.url),
    ):
        done = streetloop("run", SMOKE, "--root", root, cwd=tmp_path)
    print(f"{sum(proxy.counts.values())} faults in {proxy.requests} requests")
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
    assert "The campaign is complete." in done.stdout
    assert f"{root}/cycles/2/report.html" in done.stdout

    assert models_of(root) == models_of(smoke)
    state, plain = state_of(root), state_of(smoke)
    assert state.labels.keys() == plain.labels.keys()
    for image_id, versions in state.labels.items():
        assert [v.sha256 for v in versions] == [v.sha256 for v in plain.labels[image_id]]
    assert set(state.outstanding) == set(plain.outstanding)
    assert [c.outcome for c in state.cycles.values()] == ["done", "done"]
    storage = open_storage(root)
    assert Ledger(storage).verify() == []
    assert storage.list("work") == []

    where = [SMOKE, "--root", root]
    again = streetloop("run", *where, cwd=tmp_path)
    assert again.returncode == 0
    assert "nothing to train" in again.stdout
    shown = streetloop("ledger", "show", *where, cwd=tmp_path)
    assert plain.champion is not None
    assert json.loads(shown.stdout)["champion"]["model"] == plain.champion.model
    checked = streetloop("ledger", "verify", *where, cwd=tmp_path)
    assert checked.returncode == 0, checked.stdout
    scored = streetloop("evaluate", *where, "--split", "val", cwd=tmp_path)
    assert scored.returncode == 0, scored.stderr
    assert storage.list("reports") != []
