"""The simulated annotator."""

from __future__ import annotations

from pathlib import Path

import pytest

from components.contracts.data.records import Records
from components.contracts.ledger.campaign import create_campaign
from components.contracts.ledger.events import Query, QueryItem
from components.contracts.ledger.lease import open_cycle
from components.contracts.ledger.ledger import Ledger
from components.contracts.process.errors import StreetloopError
from components.contracts.recipe.data import DataSettings, SplitSettings
from components.contracts.regions.tiles import Tiles
from components.contracts.storage.open import open_storage
from components.feedback.oracle import answer
from components.preprocess.build import divide, write_records
from tests.support.tiny_source import write_item
from tfds_cityscapes.source import Source, open_source

IDS = [f"aa_000000_{frame:06d}" for frame in range(3)]


@pytest.fixture
def ledger(tmp_path: Path) -> Ledger:
    ledger = create_campaign(open_storage(str(tmp_path / "root")), "street", {}, {})
    ledger.commit("seed", "seed", {"image_ids": IDS})
    return ledger


def _written(tmp_path: Path, *masked: str) -> tuple[Source, Records]:
    for image_id in IDS[:2]:
        write_item(tmp_path / "data", image_id, mask=image_id in masked)
    source = open_source(tmp_path / "data")
    division = divide(source, DataSettings(), SplitSettings(dev_fraction=0), seed=0)
    return source, write_records(division, tmp_path / "records").records


def test_the_oracle_skips_what_it_cannot_label(ledger: Ledger, tmp_path: Path) -> None:
    source, records = _written(tmp_path, IDS[0])
    for _ in range(2):  # a retried step asks again
        answer(ledger, source, records, dict.fromkeys(IDS), None)
    state = ledger.state()
    assert list(state.labels) == [IDS[0]]
    assert {i: skipped.why for i, skipped in state.skipped.items()} == {
        IDS[1]: "the data set has no mask of it",
        IDS[2]: "it has no record any more",
    }
    assert not state.outstanding


def test_the_oracle_skips_every_region_of_an_image_without_a_mask(
    ledger: Ledger, tmp_path: Path
) -> None:
    source, records = _written(tmp_path, IDS[0])
    open_cycle(ledger, "run", 60)
    for number in range(2):
        tiles = Tiles(1, 2, (number,))
        item = QueryItem(image_id=IDS[1], score=0.5, reason="entropy", cost=0.5, tiles=tiles)
        query = Query(cycle=1, strategy="entropy", model=None, items=[item])
        ledger.commit("query", f"query/{number}", query, fence=1)
        answer(ledger, source, records, {IDS[1]: tiles}, None)
        assert IDS[1] not in ledger.state().outstanding
    assert ledger.state().passed[IDS[1]] == (Tiles(1, 2, (0, 1)),)


def test_an_oracle_without_any_mask_skips_nothing(ledger: Ledger, tmp_path: Path) -> None:
    source, records = _written(tmp_path)
    with pytest.raises(StreetloopError, match="A simulation needs gtFine/train"):
        answer(ledger, source, records, dict.fromkeys(IDS), None)
    assert sorted(ledger.state().outstanding) == IDS
