"""A campaign with people in place of the oracle, from no label at all to a trained model."""

from __future__ import annotations

import json
from pathlib import Path

import cv2
import pytest

from components.contracts.annotation import label_studio
from components.contracts.ledger.ledger import Ledger
from components.contracts.storage.open import open_storage
from tests.support.campaigns import SMOKE, state_of, status, streetloop
from tfds_cityscapes.labels import to_train_ids

pytestmark = pytest.mark.slow

CHANGES = (
    "feedback.oracle=false",
    "feedback.min_new_labels=2",
    "query.query_size=4",
    "train.steps=4",
    "train.dev_every=2",
)
OPTIONS = [part for change in CHANGES for part in ("--set", change)]


def run(root: Path) -> str:
    """What `streetloop run` prints; it must exit with 0."""
    done = streetloop("run", SMOKE, "--root", str(root), *OPTIONS, cwd=root.parent)
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
    last = len(state_of(root).cycles)
    (root.parent / f"cycle-{last}.txt").write_text(done.stdout)
    return done.stdout


def hand_in(root: Path, *files: Path) -> None:
    words = ["feedback", "add", SMOKE, "--root", str(root), "--annotator", "ann"]
    done = streetloop(*words, *map(str, files), cwd=root.parent)
    assert done.returncode == 0, done.stderr
    assert "run `streetloop run` again" in done.stdout


def painted(root: Path, image_id: str) -> Path:
    """The mask that a careful person would paint."""
    (mask,) = (root / "source" / "gtFine" / "train").rglob(f"{image_id}_gtFine_labelIds.png")
    return mask


def exported(root: Path, labeled: str, skipped: str) -> Path:
    """A Label Studio export of two tasks: one done, one that nobody can label."""
    label_ids = cv2.imread(str(painted(root, labeled)), cv2.IMREAD_UNCHANGED)
    task = label_studio.write_task(labeled, "x.png", to_train_ids(label_ids))
    done = {"completed_by": {"email": "bob@x"}, "result": task["predictions"][0]["result"]}
    tasks = [
        {"data": {"image_id": labeled}, "annotations": [done]},
        {"data": {"image_id": skipped}, "annotations": [{"was_cancelled": True, "result": []}]},
    ]
    path = root.parent / "export.json"
    path.write_text(json.dumps(tasks))
    return path


def test_people_label_from_a_cold_start_to_a_trained_model(tmp_path: Path) -> None:
    root = tmp_path / "people"

    text = run(root)  # no label at all: it only asks
    assert "Cycles so far" in text
    assert "Waiting for labels of 4 images." in text
    assert f"{root}/queries/1" in text
    assert f"streetloop feedback add {SMOKE} --root {root} FILE..." in text
    state = state_of(root)
    assert (state.labels, state.champion) == ({}, None)
    assert state.cycles[1].outcome == "waiting"
    first, second, third, fourth = sorted(state.outstanding)
    assert {p.stem for p in (root / "queries" / "1" / "images").iterdir()} == {
        *(first, second, third, fourth)
    }

    hand_in(root, painted(root, first))
    text = run(root)  # fewer than feedback.min_new_labels
    assert "Waiting for labels of 3 images." in text
    assert "1 new label so far; a cycle trains from 2 on (feedback.min_new_labels)." in text
    assert state_of(root).cycles[2].outcome == "waiting"
    assert state_of(root).champion is None

    hand_in(root, exported(root, second, skipped=third))
    text = run(root)  # enough: it trains, and asks again
    state = state_of(root)
    assert sorted(state.labels) == [first, second]
    assert list(state.skipped) == [third]
    assert state.labels[first][-1].annotator == "ann"
    assert state.labels[second][-1].annotator == "bob@x"
    assert state.cycles[3].outcome == "done"
    assert state.champion is not None
    # One image of the first query is still out, so the next asks for three and not for four.
    selection = json.loads((root / "queries" / "3" / "selection.json").read_text())
    chosen = {item["image_id"] for item in selection}
    assert len(chosen) == 3
    assert not chosen & {first, second, third, fourth}
    assert set(state.outstanding) == chosen | {fourth}
    assert "Waiting for labels of 4 images." in text
    assert f"{root}/queries/1, {root}/queries/3" in text
    assert "Each cycle's own model, scored on val (%)" in text
    report = status(root)
    assert report["waiting"]["folders"] == ["queries/1", "queries/3"]
    assert [row["outcome"] for row in report["cycles"]] == ["waiting", "waiting", "done"]
    assert not report["complete"]
    assert Ledger(open_storage(str(root))).verify() == []
