"""Which settings a campaign keeps for life, and since when."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest

from components.contracts.ledger.campaign import ProtectedValueError
from components.contracts.ledger.ledger import Ledger
from components.contracts.recipe.recipe import Recipe
from components.contracts.storage.base import Storage
from components.contracts.storage.open import open_storage
from components.cycle.changes import check_unchanged, record_recipe


def _recipe(source: str) -> Recipe:
    return Recipe.model_validate({"name": "street", "data": {"source": source}})


@pytest.fixture
def storage(tmp_path: Path) -> Storage:
    """A campaign that was created with a wrong source."""
    storage = open_storage(str(tmp_path / "root"))
    record_recipe(storage, _recipe("/datta"))
    return storage


def test_a_campaign_without_data_starts_again_with_other_settings(
    storage: Storage, caplog: pytest.LogCaptureFixture
) -> None:
    storage.write("inbox/export.json", b"a person's work")
    with caplog.at_level(logging.WARNING, "streetloop"):
        check_unchanged(storage, _recipe("/data"))
        record_recipe(storage, _recipe("/data"))
    assert Ledger(storage).state().protected["data.source"] == "/data"
    assert len(Ledger(storage).events()) == 1
    assert storage.read("inbox/export.json") == b"a person's work"
    assert "starts again" in caplog.text


@pytest.mark.parametrize("what", ["seed", "rejected"])
def test_a_campaign_that_has_begun_keeps_its_settings(storage: Storage, what: str) -> None:
    ledger = Ledger(storage)
    if what == "seed":
        ledger.commit("seed", "seed", {"image_ids": ["a_0_0"]})
    else:  # a person handed something in, and the reason why it was rejected is kept
        refused = [{"name": "x.png", "reason": "unknown image"}]
        row = {"file_sha256": "0" * 64, "file_name": "x.png", "labels": [], "refused": refused}
        ledger.commit("labels_accepted", "labels/0", row)
    for attempt in (check_unchanged, record_recipe):
        with pytest.raises(ProtectedValueError, match=r"data\.source may not change"):
            attempt(storage, _recipe("/data"))
    assert ledger.state().protected["data.source"] == "/datta"
