"""What is known of the run that holds a cycle decides, and then its lease: the real kfp.Client asks a small server."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from components.contracts.ledger.campaign import create_campaign
from components.contracts.ledger.events import utc_now
from components.contracts.ledger.lease import Lease, LeaseHeldError, Life, open_cycle
from components.contracts.ledger.ledger import Ledger
from components.contracts.recipe.cluster import ClusterSettings
from components.contracts.recipe.recipe import Recipe
from components.contracts.step.context import Context
from components.contracts.storage.open import open_storage
from components.cycle import held
from components.cycle.held import acquire
from components.cycle.owner import life_of
from tests.support.kfp_server import KfpServer, kfp_server

RUN = "3f2b8a52-9d0c-4c57-8d43-0c5a9f1e7b10"
OTHER = "b1c7a7de-52f5-4f0e-a0f3-6a3b1f3f9c21"


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[KfpServer]:
    monkeypatch.setenv("HOME", str(tmp_path))  # kfp keeps a context there
    with kfp_server() as running:
        yield running


def holding(state: str, run: str = RUN) -> list[dict[str, str]]:
    return [{"run_id": run, "display_name": "street", "state": state, "experiment_id": "e"}]


def context_of(
    root: Path, url: str | None, *, expired: bool = False, when_held: str = "fail"
) -> Context:
    recipe = Recipe.model_validate(
        {
            "name": "street",
            "cluster": {"host_in_pods": url},
            "cycle": {"when_held": when_held, "lease_minutes": 60},
        }
    )
    storage = open_storage(str(root))
    create_campaign(storage, "street", recipe.values(), {})
    open_cycle(Ledger(storage), RUN, 3600, utc_now() - timedelta(hours=2 if expired else 0))
    return Context(recipe.resolved(), str(root))


@pytest.mark.parametrize("state", ["SUCCEEDED", "FAILED", "CANCELED"])
def test_the_cycle_of_a_run_that_has_ended_is_taken_over(
    server: KfpServer, tmp_path: Path, state: str
) -> None:
    server.runs = holding(state)
    context = context_of(tmp_path / "root", server.url)
    assert acquire(context, OTHER, False) == Lease(1, 2)
    opened = Ledger(context.storage).state().open_cycle
    assert opened is not None
    assert opened.owner == OTHER


@pytest.mark.parametrize("state", ["RUNNING", "PENDING", "CANCELING", "PAUSED"])
def test_a_run_that_lives_keeps_its_cycle(server: KfpServer, tmp_path: Path, state: str) -> None:
    server.runs = holding(state)
    with pytest.raises(LeaseHeldError, match=RUN):
        acquire(context_of(tmp_path / "root", server.url), OTHER, False)


@pytest.mark.parametrize("state", ["RUNNING", "PENDING", "PAUSED"])
def test_a_run_that_works_longer_than_its_lease_keeps_its_cycle(
    server: KfpServer, tmp_path: Path, state: str
) -> None:
    server.runs = holding(state)
    context = context_of(tmp_path / "root", server.url, expired=True)
    with pytest.raises(LeaseHeldError, match="still works, though its lease has expired"):
        acquire(context, OTHER, False)
    opened = Ledger(context.storage).state().open_cycle
    assert opened is not None
    assert (opened.owner, opened.fence) == (RUN, 1)


@pytest.mark.parametrize("state", ["CANCELING", "RUNTIME_STATE_UNSPECIFIED", "FAILED"])
def test_an_expired_lease_is_lost_unless_its_run_plainly_works(
    server: KfpServer, tmp_path: Path, state: str
) -> None:
    server.runs = holding(state)
    context = context_of(tmp_path / "root", server.url, expired=True)
    assert acquire(context, OTHER, False) == Lease(1, 2)


def test_an_expired_lease_is_lost_if_nobody_knows_of_its_run(
    server: KfpServer, tmp_path: Path
) -> None:
    assert acquire(context_of(tmp_path / "a", server.url, expired=True), OTHER, False) == (1, 2)
    assert ("GET", f"/runs/{RUN}") in server.calls
    assert acquire(context_of(tmp_path / "b", None, expired=True), OTHER, False) == (1, 2)


def test_the_local_command_asks_nobody(server: KfpServer, tmp_path: Path) -> None:
    server.runs = holding("RUNNING")
    assert acquire(context_of(tmp_path / "root", server.url), OTHER, True) == Lease(1, 2)
    assert server.calls == []


def test_waiting_for_a_run_that_never_ends_has_an_end(
    server: KfpServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    server.runs = holding("RUNNING")
    clock = [0.0]
    monkeypatch.setattr(held.time, "monotonic", lambda: clock[0])
    monkeypatch.setattr(
        held.time, "sleep", lambda seconds: clock.append(clock.pop() + 60 * seconds)
    )
    context = context_of(tmp_path / "root", server.url, expired=True, when_held="wait")
    with pytest.raises(LeaseHeldError, match="still works"):
        acquire(context, OTHER, False)
    assert clock == [3600.0]


def test_a_run_that_the_endpoint_does_not_know_keeps_its_cycle(
    server: KfpServer, tmp_path: Path
) -> None:
    server.runs = holding("FAILED", OTHER)
    with pytest.raises(LeaseHeldError):
        acquire(context_of(tmp_path / "root", server.url), OTHER, False)
    assert ("GET", f"/runs/{RUN}") in server.calls


def test_an_endpoint_that_does_not_answer_leaves_it_to_the_lease(tmp_path: Path) -> None:
    with kfp_server() as gone:
        address = gone.url
    context = context_of(tmp_path / "root", address)
    with pytest.raises(LeaseHeldError):
        acquire(context, OTHER, False)
    denied = ClusterSettings(host_in_pods=None)
    assert life_of(denied, RUN) == "unknown"


def test_a_refusal_leaves_it_to_the_lease(
    server: KfpServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("time.sleep", lambda seconds: None)  # the client asks five times
    server.accepts = "Bearer of somebody else"
    server.runs = holding("FAILED")
    assert life_of(ClusterSettings(host_in_pods=server.url), RUN) == "unknown"


def test_a_run_that_was_started_by_hand_is_not_asked_about(server: KfpServer) -> None:
    assert life_of(ClusterSettings(host_in_pods=server.url), "me-1") == "unknown"
    assert server.calls == []


def test_only_the_run_that_has_ended_loses_its_cycle(tmp_path: Path) -> None:
    """A third run may have taken it over since the endpoint was asked."""
    context = context_of(tmp_path / "root", None)
    third = Ledger(context.storage)

    def ask(owner: str) -> Life:
        if owner == RUN:
            open_cycle(third, "third", 60, take_over=True)
        return "ended" if owner == RUN else "unknown"

    with pytest.raises(LeaseHeldError, match="'third' holds cycle 1"):
        open_cycle(context.ledger, OTHER, 60, ask=ask)
    assert open_cycle(context.ledger, OTHER, 60, ask=lambda owner: "ended") == Lease(1, 3)
