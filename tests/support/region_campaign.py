"""A campaign with people that asks for regions of one image, and what they hand in."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np

from components.contracts.annotation import label_studio
from components.contracts.data.records import INDEX, Records
from components.contracts.ledger.campaign import create_campaign
from components.contracts.ledger.events import Query, QueryItem
from components.contracts.ledger.inbox import put
from components.contracts.ledger.labels import read_parts
from components.contracts.ledger.lease import open_cycle
from components.contracts.ledger.ledger import Ledger
from components.contracts.recipe.feedback import FeedbackSettings
from components.contracts.regions.tiles import Tiles
from components.contracts.storage.open import open_storage
from components.feedback.inbox import ingest_inbox

SIZE = (4, 8)
FIRST, SECOND = Tiles(2, 4, (0, 5)), Tiles(2, 4, (1,))
SETTINGS = FeedbackSettings()


def records_of(folder: Path, size: tuple[int, int]) -> Records:
    row = {"city": "a", "height": size[0], "width": size[1], "shard": "x", "offset": 0, "length": 0}
    (folder / INDEX).write_text(json.dumps({"a_0_1": {**row, "split": "train"}}))
    return Records(folder)


def ask(ledger: Ledger, tiles: Tiles) -> None:
    item = QueryItem(image_id="a_0_1", score=0.5, reason="entropy", cost=0.25, tiles=tiles)
    query = Query(cycle=1, strategy="entropy", model=None, items=[item])
    ledger.commit("query", f"query/{tiles}", query, fence=1)


def drawn(*parts: tuple[Tiles, int]) -> np.ndarray:
    """A mask with one class in each part, and nothing elsewhere."""
    mask = np.full(SIZE, 255, np.uint8)
    for tiles, train_id in parts:
        mask[tiles.mask(SIZE)] = train_id
    return mask


def task(mask: np.ndarray, moment: str, by: str = "eve", of: Tiles | None = None) -> dict:
    """A finished task; `of`: the regions that it names."""
    data = {} if of is None else {"regions": str(of)}
    made = label_studio.write_task("a_0_1", "x.png", mask, data=data)
    result = made.pop("predictions")[0]["result"]
    annotation = {"completed_by": {"email": by}, "result": result, "updated_at": moment}
    return made | {"annotations": [annotation]}


def skipped(of: Tiles | None = None, by: str = "ann") -> dict:
    done = task(drawn(), "2020-01-01T00:00:00Z", by, of)
    done["annotations"][0]["was_cancelled"] = True
    return done


def take(ledger: Ledger, records: Records, *tasks: dict) -> None:
    put(ledger.storage, "export.json", json.dumps(list(tasks)).encode())
    ingest_inbox(ledger, records, SETTINGS, None)


def label(ledger: Ledger) -> np.ndarray:
    return read_parts(ledger.storage, ledger.state().label_parts["a_0_1"])


def asking(folder: Path) -> Ledger:
    """A campaign that asks for two regions of an image."""
    ledger = create_campaign(open_storage(str(folder / "root")), "people", {"name": "people"}, {})
    open_cycle(ledger, "run", 60)
    ask(ledger, FIRST)
    return ledger
