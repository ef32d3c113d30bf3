"""`streetloop run` on a disk that fills up: a clear error, and the same command goes on with room."""

from __future__ import annotations

from pathlib import Path

import pytest

from components.contracts.ledger.ledger import Ledger
from components.contracts.storage.open import open_storage
from tests.support.campaigns import SMOKE, state_of, streetloop

pytestmark = pytest.mark.faults


def test_a_full_disk_is_named_and_the_same_command_goes_on(
    small_disk: Path, tmp_path: Path
) -> None:
    root, filler = small_disk / "smoke", small_disk / "filler"
    filler.write_bytes(bytes(800_000))
    words = ["run", SMOKE, "--root", str(root), "--set", "feedback.oracle=false"]
    words += ["--set", f"tracking.uri=sqlite:///{tmp_path / 'mlflow.db'}"]
    words += ["--set", "data.synthetic.images=8"]
    for _ in range(2):  # the second finds the disk full from the start
        done = streetloop(*words, cwd=tmp_path)
        assert done.returncode == 1, done.stdout
        assert "Traceback" not in done.stderr
        assert "No space left on device. Free space on that disk" in done.stderr
        assert Ledger(open_storage(str(root))).verify() == []
    filler.unlink()
    done = streetloop(*words, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert [c.outcome for c in state_of(root).cycles.values()] == ["waiting"]
    assert len(state_of(root).outstanding) == 3
