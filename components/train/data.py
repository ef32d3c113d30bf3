"""What a fit learns from."""

from __future__ import annotations

from dataclasses import dataclass

from components.contracts.records import Records
from components.train.fit_settings import TrainSettings
from components.train.stream import Pool


@dataclass
class Data:
    """What a fit learns from, and what it is measured on (`dev`; may be empty)."""

    labeled: Pool
    unlabeled: Pool | None
    records: Records
    dev: list[str]

    @classmethod
    def of(
        cls, labeled: Records, records: Records, unlabeled: list[str], settings: TrainSettings
    ) -> Data:
        """Opens what `split` wrote: labeled records, and the ids of the unlabeled ones.

        Args:
          labeled: records with labels.
          records: the whole data set.
          unlabeled: ids of `records`; not drawn if no objective reads them.
          settings: of the fit.
        """
        wanted = settings.unlabeled_batch_size > 0 and settings.objectives.read_unlabeled
        use_unlabeled = bool(unlabeled) and wanted
        return cls(
            Pool(labeled, labeled.ids("train")),
            Pool(records, unlabeled) if use_unlabeled else None,
            records,
            records.ids("dev"),
        )
