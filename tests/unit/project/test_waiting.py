"""The tests' own waiting: patient with what moves, and quick with what does not."""

from __future__ import annotations

import sys

import pytest

from tests.support.waiting import exit_code, finished, running, wait_until

BUSY = "import time\nend = time.process_time() + 3\nwhile time.process_time() < end: pass"


def test_a_process_that_computes_may_take_longer_than_the_patience() -> None:
    with running([sys.executable, "-c", BUSY]) as process:
        assert exit_code(process, patience=2.5) == 0


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
