"""The query step leaves its measure of the drift where the close, MLflow and status find it."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from components.contracts.data.records import Records
from components.contracts.ledger.campaign import create_campaign
from components.contracts.ledger.events import Label, LabelsAccepted, Promotion
from components.contracts.ledger.lease import open_cycle
from components.contracts.scores.drift import Drift
from components.contracts.storage.open import open_storage
from components.query import step
from components.query.tasks import enlarged

CAMPAIGN = Path(__file__).parents[2] / "fixtures" / "campaigns" / "v0.1"
RECORDS = next((CAMPAIGN / "records").iterdir())
MODEL = next((CAMPAIGN / "models").iterdir())


def test_the_query_step_measures_drift_and_a_rerun_finds_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = tmp_path / "root"
    shutil.copytree(RECORDS, root / "records" / "r")
    shutil.copytree(MODEL, root / "models" / MODEL.name)
    recipe = {"name": "x", "query": {"strategy": "entropy", "query_size": 2, "drift_limit": 0.2}}
    storage = open_storage(str(root))
    ledger = create_campaign(storage, "x", recipe, {})
    lease = open_cycle(ledger, "run", 60)
    ids = Records(RECORDS).ids("train")
    labels = [Label(image_id=i, sha256="0" * 64, annotator="ann") for i in ids[:3]]
    accepted = LabelsAccepted(file_sha256="0" * 64, file_name="a", labels=labels, refused=[])
    ledger.commit("labels_accepted", "labels/a", accepted, fence=lease.fence)
    promotion = Promotion(cycle=lease.cycle, model=MODEL.name, metrics={}, reasons=[])
    ledger.commit("promotion", "promote/1", promotion, fence=lease.fence)
    monkeypatch.setattr(step, "begin", lambda name: None)
    monkeypatch.setattr(step.Originals, "image_of", lambda self, record: enlarged(record))
    found = step.run(json.dumps(recipe), str(root), *lease, "records/r")
    assert found.asked == 2
    assert found.drift is not None
    assert (found.drift.images, found.drift.labeled) == (len(ids) - 3, 3)
    assert found.drift.limit == 0.2
    stored = (root / "queries" / "1" / "drift.json").read_text()
    assert Drift.model_validate_json(stored) == found.drift
    (root / "work" / "1" / "query.done.json").unlink()  # as a kill after the event leaves it
    assert step.run(json.dumps(recipe), str(root), *lease, "records/r") == found
