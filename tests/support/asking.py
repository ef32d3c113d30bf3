"""A campaign just before its query: the records and the model are those of a frozen one."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from components.contracts.data.records import Records
from components.contracts.ledger.campaign import create_campaign
from components.contracts.ledger.events import Label, LabelsAccepted, Promotion
from components.contracts.ledger.lease import Lease, open_cycle
from components.contracts.storage.open import open_storage
from components.query import step
from components.query.tasks import enlarged

CAMPAIGN = Path(__file__).parents[1] / "fixtures" / "campaigns" / "v0.1"
RECORDS = next((CAMPAIGN / "records").iterdir())
MODEL = next((CAMPAIGN / "models").iterdir())
IDS = Records(RECORDS).ids("train")


def before_query(
    root: Path, settings: dict[str, Any], labeled: int = 0, *, champion: bool = True
) -> tuple[str, str, int, int]:
    """Make a campaign with an open cycle.

    Args:
      root: a new folder.
      settings: of the recipe.
      labeled: how many images have a label.
      champion: whether the frozen model is the champion.

    Returns:
      the recipe, the root, the cycle and its fence: what a step takes.
    """
    shutil.copytree(RECORDS, root / "records" / "r")
    shutil.copytree(MODEL, root / "models" / MODEL.name)
    recipe = {"name": "x", **settings}
    ledger = create_campaign(open_storage(str(root)), "x", recipe, {})
    lease: Lease = open_cycle(ledger, "run", 60)
    if labeled:
        labels = [Label(image_id=i, sha256="0" * 64, annotator="ann") for i in IDS[:labeled]]
        accepted = LabelsAccepted(file_sha256="0" * 64, file_name="a", labels=labels, refused=[])
        ledger.commit("labels_accepted", "labels/a", accepted, fence=lease.fence)
    if champion:
        promotion = Promotion(cycle=lease.cycle, model=MODEL.name, metrics={}, reasons=[])
        ledger.commit("promotion", "promote/1", promotion, fence=lease.fence)
    return json.dumps(recipe), str(root), *lease


def in_this_process(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the query's step run here, and show people the records: a frozen campaign has no source."""
    monkeypatch.setattr(step, "begin", lambda name: None)
    monkeypatch.setattr(step.Originals, "image_of", lambda self, record: enlarged(record))
