"""Write a query into a campaign as its step does, and take in what comes back."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np

from components.contracts.annotation import label_studio, png_mask
from components.contracts.ledger.events import Query, QueryItem
from components.contracts.ledger.lease import close_cycle, open_cycle
from components.contracts.ledger.ledger import Ledger
from components.contracts.recipe.feedback import FeedbackSettings
from components.contracts.regions.tiles import Tiles
from components.contracts.storage.open import open_storage
from components.feedback.inbox import ingest_inbox
from tests.support.ingest_worker import SIZE, index
from tfds_cityscapes.png import encode_png

FIRST, SECOND = ("a_0_1", "a_0_2"), ("a_0_3",)  # images of the first and of the second query
IMAGES = (*FIRST, *SECOND)


def ask(
    ledger: Ledger,
    cycle: int,
    images: tuple[str, ...],
    prediction: np.ndarray | None,
    tiles: Tiles | None = None,
) -> None:
    """Ask for these images, or for some regions of each, in a cycle, all with the same prediction."""
    data = {} if tiles is None else {"regions": str(tiles)}
    tasks, folder, storage = [], f"queries/{cycle}", ledger.storage
    for shade, image_id in enumerate(images):
        picture = encode_png(np.full((*SIZE, 3), 10 * cycle + shade, np.uint8))
        storage.write(f"{folder}/images/{image_id}.png", picture)
        if prediction is not None:
            name = png_mask.file_name(image_id)
            storage.write(f"{folder}/predictions/{name}", png_mask.write(prediction))
        picture_name = f"images/{image_id}.png"
        tasks.append(label_studio.write_task(image_id, picture_name, prediction, data=data))
    storage.write(f"{folder}/label_studio.json", json.dumps(tasks).encode())
    items = [QueryItem(i, score=0.5, reason="unsure", cost=1.0, tiles=tiles) for i in images]
    query = Query(cycle=cycle, strategy="entropy", model=None, items=items)
    _, fence = open_cycle(ledger, f"run-{cycle}", 60)
    ledger.commit("query", f"query/{cycle}", query, fence=fence)
    close_cycle(ledger, cycle, fence, "waiting", None, {})


def take_in(root: str, folder: Path, images: tuple[str, ...]) -> Ledger:
    """Ingest the inbox of a campaign that has these images."""
    ledger = Ledger(open_storage(root))
    ingest_inbox(ledger, index(folder / "records", images), FeedbackSettings(), None)
    return ledger
