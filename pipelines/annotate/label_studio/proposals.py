"""What the champion says of an image, for Label Studio: the newest champion, kept loaded."""

from __future__ import annotations

import logging
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from components.contracts.annotation.label_studio import write_task
from components.contracts.ledger import layout
from components.contracts.ledger.ledger import Ledger
from components.contracts.process.errors import StreetloopError
from components.contracts.recipe.inference import InferenceSettings
from components.contracts.storage.open import open_storage
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

    def __init__(self, root: str, inference: InferenceSettings) -> None:
        """Load the champion.

        Args:
          root: the campaign root.
          inference: of the recipe.

        Raises:
          StreetloopError: there is no champion yet, or its model is damaged.
        """
        self._ledger = Ledger(open_storage(root))
        self._inference = inference
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
        from components.contracts.data.records import Records
        from components.contracts.model.files import load_generator
        from components.contracts.model.predictor import Predictor

        storage = self._ledger.storage
        champion, records = champion_of(self._ledger.state(), storage.uri)
        if self._loaded == (champion.model, records):
            return
        generator = load_generator(storage.local_dir(layout.model_folder(champion.model)))
        self._predictor = Predictor(generator, self._inference)
        self._records = Records(Path(storage.local_dir(records)))
        self._loaded = champion.model, records
        self.version = f"streetloop cycle {champion.cycle} ({champion.model[:8]})"
        log.info("Predicting with the champion of cycle %d.", champion.cycle)

    def of(self, image_id: str) -> dict[str, Any]:
        """Return the prediction of an image, as Label Studio imports it.

        Its score is the mean confidence, by which people can sort: the least certain first.

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
            (found,) = write_task(image_id, "", train_ids, self.version, score)["predictions"]
        return dict(found)
