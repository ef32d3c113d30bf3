"""The tests' own waiting: patient with what moves, and quick with what does not."""

from __future__ import annotations

import sys
from types import SimpleNamespace

import pytest

from tests.support import waiting
from tests.support.waiting import finished, running, wait_until


def test_what_computes_may_take_longer_than_the_patience(monkeypatch: pytest.MonkeyPatch) -> None:
    now, work = [0.0], [5.0]
    monkeypatch.setattr(waiting, "time", SimpleNamespace(monotonic=lambda: now[0]))
    monkeypatch.setattr(waiting._Moves, "_work", lambda self: work[0])
    moves = waiting._Moves(1)
    for _ in range(5):
        now[0] += 100.0
        work[0] += 1.5
        assert moves.within(120.0)
    for _ in range(100):  # as a loop that polls does
        now[0] += 1.0
        work[0] += 0.001
        assert moves.within(120.0)
    now[0] += 30.0
    assert not moves.within(120.0)


def test_a_process_that_stands_still_is_killed_and_leaves_no_warning() -> None:
    with (
        pytest.raises(AssertionError, match="nothing has moved"),
        running(["/bin/sleep", "600"]) as process,
    ):
        wait_until(lambda: False, process, patience=0.5)
    assert process.returncode == -9


def test_a_process_that_ends_before_the_event_is_reported() -> None:
    with (
        pytest.raises(AssertionError, match="ended first, with 3"),
        running([sys.executable, "-c", "raise SystemExit(3)"]) as process,
    ):
        wait_until(lambda: False, process)


def test_a_finished_process_has_its_output() -> None:
    done = finished([sys.executable, "-c", "import sys; print('o'); sys.exit('e')"])
    assert (done.returncode, done.stdout, done.stderr) == (1, "o\n", "e\n")
