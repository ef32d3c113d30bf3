"""A campaign that asks for regions: the oracle answers them, and training gets images with few labels."""

from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np
import pytest

from components.contracts.ledger.events import Query
from components.contracts.ledger.labels import read_parts
from components.contracts.ledger.ledger import Ledger
from components.contracts.storage.open import open_storage
from tests.support.campaigns import SMOKE, status, streetloop

pytestmark = pytest.mark.slow

CHANGES = (
    "data.synthetic.images=8",
    "split.dev_fraction=0",
    "split.initial=2",
    "query.unit=region",
    "query.strategy=entropy",
    "query.region_grid=[2, 4]",
    "query.regions_per_image=2",
    "query.query_size=5",
    "cycle.cycles=3",
    "train.steps=2",
    "train.dev_every=2",
)


def test_regions_are_asked_answered_and_added_cycle_by_cycle(tmp_path: Path) -> None:
    root = tmp_path / "root"
    options = [part for change in CHANGES for part in ("--set", change)]
    done = streetloop("run", SMOKE, "--root", str(root), *options, cwd=tmp_path)
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
    assert "regions" in done.stdout

    ledger = Ledger(open_storage(str(root)))
    state = ledger.state()
    queries = [e.payload for e in ledger.events() if isinstance(e.payload, Query)]
    for query in queries:
        assert sum(len(item.tiles.numbers) for item in query.items if item.tiles) == 5
    first, second = ({i.image_id: i.tiles for i in q.items if i.tiles} for q in queries[:2])
    for image_id in first.keys() & second.keys():
        assert not {*first[image_id].numbers} & {*second[image_id].numbers}

    for image_id, parts in state.label_parts.items():
        label = read_parts(ledger.storage, parts)
        whole = image_id in state.seed
        labeled = np.ones(label.shape, bool) if whole else np.zeros(label.shape, bool)
        for tiles in state.labeled_area(image_id):
            labeled |= tiles.mask(label.shape)
        assert (label[~labeled] == 255).all()
        assert (label[labeled] != 255).mean() > 0.5
        assert (image_id in state.partial) is not whole
    assert ledger.verify() == []

    reports = [json.loads((root / f"cycles/{n}/report.json").read_text()) for n in (1, 2, 3)]
    assert [r["regions"]["labeled"] for r in reports] == [16, 21, 26]
    assert reports[1]["regions"]["share"] == pytest.approx(21 / 64)
    assert [r["outcome"] for r in reports] == ["done"] * 3
    assert status(root)["cycles"][2]["labeled_regions"] == 26

    # What people see: all but the regions is dark.
    item = queries[0].items[0]
    shown = cv2.imread(str(root / "queries" / "1" / "images" / f"{item.image_id}.png"))
    assert item.tiles is not None
    lit = item.tiles.mask(shown.shape[:2])
    assert shown[lit].mean() > 2 * shown[~lit].mean()
