"""Campaigns that have nothing left to ask for: they end, say why, and continue with more to do."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.campaigns import SMOKE, state_of, status, streetloop

pytestmark = pytest.mark.slow

CHANGES = (
    "data.synthetic.images=8",
    "split.dev_fraction=0",
    "split.initial=3",
    "query.query_size=2",
    "cycle.cycles=null",
    "train.steps=2",
    "train.dev_every=2",
)


def run(root: Path, *changes: str) -> str:
    """What `streetloop run` prints; it must exit with 0."""
    options = [part for change in (*CHANGES, *changes) for part in ("--set", change)]
    done = streetloop("run", SMOKE, "--root", str(root), *options, cwd=root.parent)
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
    return done.stdout


def test_a_budget_and_then_the_pool_are_used_up(tmp_path: Path) -> None:
    root = tmp_path / "root"
    text = run(root, "query.label_budget=3")
    assert "The label budget is used up: query.label_budget is 3." in text
    assert "The campaign is complete." in text
    assert len(state_of(root).labels) == 3
    assert [row["outcome"] for row in status(root)["cycles"]] == ["done"]

    assert "nothing to train" in run(root, "query.label_budget=3")
    assert len(state_of(root).cycles) == 1

    text = run(root)  # the first of these cycles finds no new label, and only asks
    assert "No image is left to ask for: the pool is used up." in text
    state = state_of(root)
    assert len(state.labels) == 8
    assert not state.outstanding
    outcomes = [row["outcome"] for row in status(root)["cycles"]]
    assert outcomes == ["done", "waiting", "done", "done", "done"]
