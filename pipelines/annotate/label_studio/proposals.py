"""What the champion says of an image, for Label Studio: the newest champion, kept loaded."""

from __future__ import annotations

import logging
import threading
from typing import TYPE_CHECKING, Any

import numpy as np

from components.contracts.annotation.label_studio import write_task
from components.contracts.ledger.labels import within
from components.contracts.process.errors import StreetloopError
from components.contracts.recipe.recipe import Recipe
from components.contracts.step.context import Context
from pipelines.campaign.champion import champion_of

if TYPE_CHECKING:
    from components.contracts.data.records import Records
    from components.contracts.model.predictor import Predictor

log = logging.getLogger("streetloop")


class Proposals:
    """Predictions of a campaign's champion. Make it after `import_tensorflow`.

    Attributes:
      version: of the champion that answers, in words that people see in Label Studio.
    """

    def __init__(self, recipe: Recipe, root: str) -> None:
        """Load the champion.

        Args:
          recipe: of the campaign.
          root: the campaign root.

        Raises:
          StreetloopError: there is no champion yet, or its model is damaged.
        """
        self._context = Context(recipe.resolved(), root)
        self._lock = threading.Lock()  # requests come in several threads
        self._loaded: tuple[str, str] | None = None  # model and folder of the records
        self._predictor: Predictor
        self._records: Records
        self.version = ""
        self.refresh()

    def refresh(self) -> str:
        """Load the champion again if it has changed; return its version."""
        with self._lock:
            self._refresh()
            return self.version

    def _refresh(self) -> None:
        context = self._context
        champion, records = champion_of(context.ledger.state(), context.storage.uri)
        if self._loaded == (champion.model, records):
            return
        self._predictor = context.predictor(champion.model)
        self._records = context.records(records)
        self._loaded = champion.model, records
        self.version = f"streetloop cycle {champion.cycle} ({champion.model[:8]})"
        log.info("Predicting with the champion of cycle %d.", champion.cycle)

    def of(self, image_id: str) -> dict[str, Any]:
        """Return the prediction of an image, as Label Studio imports it.

        Its score is the mean confidence, by which people can sort: the least certain first. If regions of the
        image wait for a label, only these are painted.

        Raises:
          StreetloopError: the campaign does not have the image.
        """
        with self._lock:
            self._refresh()
            if image_id not in self._records:
                raise StreetloopError(f"The campaign has no image {image_id}.")
            record = self._records.read(image_id)
            size = record.entry.height, record.entry.width
            probabilities = self._predictor.probabilities(record.image, size)
            train_ids = probabilities.argmax(-1).astype(np.uint8)
            score = float(probabilities.max(-1).mean())
            request = self._context.ledger.state().outstanding.get(image_id)
            if request is not None:
                train_ids = within(train_ids, request.tiles)
            (found,) = write_task(image_id, "", train_ids, self.version, score)["predictions"]
        return dict(found)
