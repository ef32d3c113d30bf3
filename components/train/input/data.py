"""Open the images that a fit learns from."""

from __future__ import annotations

import logging
from dataclasses import dataclass

from components.contracts.data.records import POOL, Records
from components.contracts.recipe.train import TrainSettings
from components.train.input.memory import image_budget
from components.train.input.stream import Pool

log = logging.getLogger("streetloop")


@dataclass
class Data:
    """The images that a fit learns from, and those that it is scored on (`dev`; may be empty)."""

    labeled: Pool
    unlabeled: Pool | None
    records: Records
    dev: list[str]

    @classmethod
    def of(
        cls, labeled: Records, records: Records, unlabeled: list[str], settings: TrainSettings
    ) -> Data:
        """Open the output of `split`: labeled records, and the ids of the unlabeled ones.

        Args:
          labeled: records with labels.
          records: the whole data set.
          unlabeled: ids of `records`; ignored if no objective reads unlabeled images.
          settings: of the fit.
        """
        wanted = settings.unlabeled_batch_size > 0 and settings.objectives.reads_unlabeled
        use_unlabeled = bool(unlabeled) and wanted
        mixes = settings.objectives.consistency > 0 and settings.augment.cutmix_share > 0
        if use_unlabeled and mixes and settings.unlabeled_batch_size == 1:
            log.warning(
                "CutMix mixes nothing: it pastes from another unlabeled image of the batch, and each "
                "batch holds only one. Set train.unlabeled_batch_size to 2 or more, or "
                "train.augment.cutmix_share to 0."
            )
        budget = image_budget()
        return cls(
            Pool(labeled, labeled.ids(POOL), budget),
            Pool(records, unlabeled, budget) if use_unlabeled else None,
            records,
            records.ids("dev"),
        )
