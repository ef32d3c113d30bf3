"""Look at the labels of a campaign with their judges, one image at a time."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache

import numpy as np

from components.contracts.data.records import Records
from components.contracts.ledger.labels import label_id, read_parts
from components.contracts.model.predictor import Predictor
from components.contracts.storage.base import Storage
from pipelines.labels.judges import Case
from pipelines.labels.measure import Judged, Rule, judge
from pipelines.labels.regions import Region, regions_of
from pipelines.labels.report import CheckedLabel, SuspectRegion
from tfds_cityscapes.labels import CLASS_NAMES

_REGIONS = 5  # that the report keeps of an image
_LOADED = 2  # models in memory; cases come sorted by model


class Looker:
    """Judges label maps; few models are in memory at a time."""

    def __init__(
        self, storage: Storage, records: Records, predictor_of: Callable[[str], Predictor]
    ) -> None:
        """Take where labels and images are, and what loads a model of the campaign."""
        self._storage, self._records = storage, records
        self._predictor_of = lru_cache(maxsize=_LOADED)(predictor_of)

    def judged(self, case: Case) -> Judged:
        """Read one label map and compare it with the prediction of its judge, at the label's size."""
        label = read_parts(self._storage, case.parts)
        image = self._records.read(case.image_id).image
        height, width = label.shape
        return judge(label, self._predictor_of(case.model).probabilities(image, (height, width)))

    def check(self, case: Case, rule: Rule, softmin: float) -> CheckedLabel:
        """Find the suspect regions of one label map, whose quality is known."""
        judged = self.judged(case)
        suspect = rule.suspect(judged)
        doubt = float((judged.confidence - judged.own)[suspect].sum(dtype=np.float64))
        return CheckedLabel(
            image_id=case.image_id,
            annotator=case.annotator,
            sha256=label_id(case.parts),
            judge=case.model,
            cycle=case.cycle,
            in_sample=case.in_sample,
            quality=softmin,
            doubt=doubt / suspect.size,
            suspect_share=float(suspect.mean()),
            regions=[_row(r, suspect.size) for r in regions_of(judged, suspect)[:_REGIONS]],
        )


def _row(region: Region, size: int) -> SuspectRegion:
    return SuspectRegion(
        labeled=CLASS_NAMES[region.labeled],
        predicted=CLASS_NAMES[region.predicted],
        pixels=region.pixels,
        share=region.pixels / size,
        box=region.box,
        score=region.score,
    )
