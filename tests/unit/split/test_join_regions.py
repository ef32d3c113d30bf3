"""Labels of regions, joined with the records: such an image is a labeled and an unlabeled one."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from components.contracts.data.records import Records
from components.contracts.ledger.campaign import create_campaign
from components.contracts.ledger.events import Label, LabelsAccepted
from components.contracts.ledger.labels import store_label, within
from components.contracts.ledger.lease import open_cycle
from components.contracts.ledger.ledger import Ledger
from components.contracts.regions.tiles import Tiles
from components.contracts.storage.open import open_storage
from components.split import step
from components.split.join import LABELED, UNLABELED_IDS, join

CAMPAIGN = Path(__file__).parents[2] / "fixtures" / "campaigns" / "v0.1"
RECORDS = Records(next((CAMPAIGN / "records").iterdir()))
IDS = RECORDS.ids("train")


def painted(image_id: str, train_id: int) -> np.ndarray:
    entry = RECORDS.entries[image_id]
    return np.full((entry.height, entry.width), train_id, np.uint8)


def label(ledger: Ledger, image_id: str, train_id: int, *numbers: int) -> None:
    tiles = Tiles(2, 2, numbers) if numbers else None
    sha256 = store_label(ledger.storage, image_id, within(painted(image_id, train_id), tiles))
    row = Label(image_id=image_id, sha256=sha256, annotator="eve", tiles=tiles)
    accepted = LabelsAccepted(file_sha256="0" * 64, file_name="a", labels=[row], refused=[])
    ledger.commit("labels_accepted", f"labels/{train_id}", accepted)


def test_an_image_with_labeled_regions_is_in_both_parts(tmp_path: Path) -> None:
    joined = join(RECORDS, IDS[:2], lambda i: painted(i, 3), tmp_path, partial={IDS[1]})
    assert list(joined.labeled.entries) == IDS[:2]
    assert joined.unlabeled == IDS[1:]
    assert (tmp_path / UNLABELED_IDS).read_text().split() == IDS[1:]


def test_the_step_puts_the_regions_of_an_image_together_and_sees_further_ones(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(step, "begin", lambda name: None)
    shutil.copytree(RECORDS.folder, tmp_path / "records" / "r")
    ledger = create_campaign(open_storage(str(tmp_path)), "street", {"name": "street"}, {})
    given = (json.dumps({"name": "street"}), str(tmp_path), *open_cycle(ledger, "run", 60))
    label(ledger, IDS[1], 5)

    def joined() -> tuple[int, int, list[list[int]]]:
        result = step.run(*given, "records/r")
        found = Records(tmp_path / result.prefix / LABELED).read(IDS[0]).label
        assert found is not None
        height, width = (side // 2 for side in found.shape)
        quarters = [
            np.unique(found[rows, columns]).tolist()
            for rows in (slice(height), slice(height, None))
            for columns in (slice(width), slice(width, None))
        ]
        return result.labeled, result.unlabeled, quarters

    label(ledger, IDS[0], 3, 0)
    label(ledger, IDS[0], 4, 1)
    assert joined() == (2, len(IDS) - 1, [[3], [4], [255], [255]])
    label(ledger, IDS[0], 6, 2, 3)
    assert joined() == (2, len(IDS) - 2, [[3], [4], [6], [6]])
