"""The lease on a cycle and the local command's lock."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from components.contracts.ledger.campaign import create_campaign
from components.contracts.ledger.lease import LeaseHeldError, close_cycle, open_cycle, release
from components.contracts.ledger.ledger import Ledger
from components.contracts.ledger.rules import StaleLeaseError
from components.contracts.storage.base import Storage
from components.contracts.storage.lock import CampaignBusyError, campaign_lock
from tests.support.waiting import finished

WORKER = Path(__file__).parents[3] / "support" / "ledger_worker.py"
NOON = datetime(2025, 1, 1, 12, tzinfo=UTC)


@pytest.fixture
def ledger(storage: Storage) -> Ledger:
    return create_campaign(storage, "test", {}, {})


def test_cycles_are_numbered_from_one_with_rising_fences(ledger: Ledger) -> None:
    for expected in (1, 2, 3):
        cycle, fence = open_cycle(ledger, f"run-{expected}", 60, NOON)
        assert (cycle, fence) == (expected, expected)
        close_cycle(ledger, cycle, fence, "done", None, {"miou": 0.5})
    assert [c.outcome for c in ledger.state().cycles.values()] == ["done"] * 3
    assert ledger.state().open_cycle is None


def test_the_same_run_opening_again_gets_the_same_cycle(ledger: Ledger) -> None:
    lease = open_cycle(ledger, "run-1", 60, NOON)
    again = open_cycle(Ledger(ledger.storage), "run-1", 60, NOON + timedelta(seconds=59))
    assert again == lease
    assert len(ledger.events()) == 2


def test_a_held_cycle_says_who_has_it_and_until_when(ledger: Ledger) -> None:
    open_cycle(ledger, "run-1", 60, NOON)
    with pytest.raises(LeaseHeldError, match=r"'run-1' holds cycle 1 until 2025-01-01T12:01:00"):
        open_cycle(ledger, "run-2", 60, NOON + timedelta(seconds=59))


def test_an_expired_lease_is_taken_over_with_a_new_fence(ledger: Ledger) -> None:
    old = open_cycle(ledger, "run-1", 60, NOON)
    new = open_cycle(ledger, "run-2", 60, NOON + timedelta(seconds=60))
    assert (new.cycle, new.fence) == (old.cycle, old.fence + 1)
    with pytest.raises(StaleLeaseError, match="run-2"):
        close_cycle(ledger, old.cycle, old.fence, "done", None, {})
    # The one that lost it may win it back, but never under its old fence.
    back = open_cycle(ledger, "run-1", 60, NOON + timedelta(seconds=200))
    assert (back.cycle, back.fence) == (old.cycle, new.fence + 1)


def test_the_local_command_takes_over_at_once(ledger: Ledger) -> None:
    old = open_cycle(ledger, "run-1", 3600, NOON)
    new = open_cycle(ledger, "run-2", 3600, NOON, take_over=True)
    assert (new.cycle, new.fence) == (old.cycle, old.fence + 1)
    opened = ledger.state().cycles[1]
    assert opened.opened_number == 1
    assert opened.owner == "run-2"


def test_a_released_cycle_is_free_and_its_fence_is_dead(ledger: Ledger) -> None:
    old = open_cycle(ledger, "run-1", 3600, NOON)
    assert release(ledger, "run-1", *old, "training failed") is not None
    assert release(ledger, "run-1", *old, "again") is not None
    with pytest.raises(StaleLeaseError, match="released"):
        close_cycle(ledger, *old, "done", None, {})
    new = open_cycle(ledger, "run-2", 3600, NOON)
    assert new == (old.cycle, old.fence + 1)
    assert release(ledger, "run-1", *old, "late") is not None
    close_cycle(ledger, *new, "done", None, {})
    assert release(ledger, "run-2", *new, "after the end") is None


def test_a_run_that_closed_its_cycle_opens_no_other(ledger: Ledger) -> None:
    lease = open_cycle(ledger, "run-1", 60, NOON)
    close_cycle(ledger, *lease, "done", None, {})
    with pytest.raises(StaleLeaseError, match="has closed cycle 1"):
        open_cycle(ledger, "run-1", 60, NOON)


def test_closing_deletes_the_work_and_may_be_repeated(ledger: Ledger) -> None:
    storage = ledger.storage
    lease = open_cycle(ledger, "run-1", 60, NOON)
    storage.write("work/1/train.done.json", b"{}")
    first = close_cycle(ledger, *lease, "done", None, {"miou": 0.5})
    assert storage.list("work") == []
    storage.write("work/1/checkpoint", b"left by a kill")
    assert close_cycle(ledger, *lease, "nothing_to_do", None, {}) == first
    storage.write("work/1/checkpoint", b"left by a kill")
    open_cycle(ledger, "run-2", 60, NOON)
    assert storage.list("work") == []


def test_of_eight_runs_at_once_one_gets_the_cycle(storage: Storage) -> None:
    create_campaign(storage, "test", {}, {})
    command = [sys.executable, str(WORKER), "open", storage.uri, "8"]
    done = finished(command)
    assert done.returncode == 0, done.stderr
    assert sorted(json.loads(done.stdout)) == [0] + [1] * 7
    assert done.stderr.count("LeaseHeldError: Run ") == 7
    assert len(storage.list("opened")) == 1
    assert len(Ledger(storage).events()) == 2


def test_the_lock_names_the_process_that_has_it(tmp_path: Path) -> None:
    with campaign_lock(tmp_path):
        with (
            pytest.raises(CampaignBusyError, match=f"process {os.getpid()}"),
            campaign_lock(tmp_path),
        ):
            pass
        with campaign_lock(tmp_path / "another"):
            pass
    with campaign_lock(tmp_path):
        pass


HOLDER = """
import subprocess, sys, time
from components.contracts.storage.lock import campaign_lock
with campaign_lock(sys.argv[1]):
    subprocess.Popen(["sleep", "36000"])
    print("held", flush=True)
    time.sleep(36000)
"""


def test_the_lock_goes_with_its_process_though_a_child_lives_on(tmp_path: Path) -> None:
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(tmp_path)],
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    try:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        with (
            pytest.raises(CampaignBusyError, match=f"process {holder.pid}"),
            campaign_lock(tmp_path),
        ):
            pass
        holder.kill()
        holder.wait()
        with campaign_lock(tmp_path):
            pass
    finally:
        os.killpg(holder.pid, signal.SIGKILL)
        holder.wait()
        assert holder.stdout is not None
        holder.stdout.close()
