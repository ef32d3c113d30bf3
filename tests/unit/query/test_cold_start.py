"""A cold start: without a model, the pretrained encoder may look at the images."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from components.contracts.data.records import Records
from components.contracts.ledger.campaign import create_campaign
from components.contracts.ledger.events import Query
from components.contracts.ledger.lease import open_cycle
from components.contracts.storage.open import open_storage
from components.query import step
from components.query.tasks import enlarged

CAMPAIGN = Path(__file__).parents[2] / "fixtures" / "campaigns" / "v0.1"
RECORDS = next((CAMPAIGN / "records").iterdir())


def test_a_cold_start_asks_for_typical_images_if_the_recipe_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = tmp_path / "root"
    shutil.copytree(RECORDS, root / "records" / "r")
    recipe = {"name": "x", "split": {"initial_by": "typical"}, "query": {"query_size": 3}}
    ledger = create_campaign(open_storage(str(root)), "x", recipe, {})
    lease = open_cycle(ledger, "run", 60)
    monkeypatch.setattr(step, "begin", lambda name: None)
    monkeypatch.setattr(step.Originals, "image_of", lambda self, record: enlarged(record))
    found = step.run(json.dumps(recipe), str(root), *lease, "records/r")
    assert (found.asked, found.drift) == (3, None)
    (asked,) = (e.payload for e in ledger.events() if isinstance(e.payload, Query))
    assert (asked.strategy, asked.model) == ("typical", None)
    ids = [item.image_id for item in asked.items]
    assert set(ids) <= set(Records(RECORDS).ids("train"))
    assert all("typical of a group of images" in item.reason for item in asked.items)
