from __future__ import annotations

from contextlib import redirect_stdout
from pathlib import Path

from components.contracts.storage.lock import campaign_lock
from pipelines.local.step_log import StepLog


def test_step_log_appends_and_returns_the_last_error_of_this_run(tmp_path: Path) -> None:
    path = tmp_path / "logs" / "cycle-0001.log"
    with StepLog(path) as log, redirect_stdout(log):
        print("    ValueError: of the run before")
    with StepLog(path) as log, redirect_stdout(log):
        print("fine")
        assert log.error() is None
        print("    components.contracts.storage.errors.StorageError: Could not use x.")
        print("a last line", end="")
    assert log.error() == "StorageError: Could not use x."
    assert path.read_text().splitlines()[0] == "    ValueError: of the run before"
    assert path.read_text().endswith("a last line")


def test_step_log_returns_an_error_that_a_full_disk_did_not_store(small_disk: Path) -> None:
    path = small_disk / "cycle-0001.log"
    with campaign_lock(small_disk), StepLog(path) as log, redirect_stdout(log):
        print("x" * 2_000_000)
        print("StorageError: Could not use y: No space left on device.")
    assert log.error() == "StorageError: Could not use y: No space left on device."
    assert path.stat().st_size < 2_000_000
    with campaign_lock(small_disk):  # there is no room for the number of the process
        pass


def test_step_log_returns_the_one_line_of_an_expected_error(tmp_path: Path) -> None:
    with StepLog(tmp_path / "cycle.log") as log, redirect_stdout(log):
        print("    error: Run 'one' holds cycle 1.")
        print("    INFO the error: of something else")
        assert log.error() == "Run 'one' holds cycle 1."
