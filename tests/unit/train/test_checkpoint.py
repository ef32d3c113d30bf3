"""The checkpoint's file."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from components.train.checkpoint import Checkpoint


def test_load_deletes_what_a_killed_save_left(tmp_path: Path) -> None:
    checkpoint = Checkpoint(tmp_path / "state.npz")
    checkpoint.save({"w": [np.arange(3)]}, {"step": 7})
    (tmp_path / ".0123.part").write_bytes(b"partial")
    assert checkpoint.load({}) == {"step": 7}
    assert checkpoint.arrays("w")[0].tolist() == [0, 1, 2]
    assert [path.name for path in tmp_path.iterdir()] == ["state.npz"]
