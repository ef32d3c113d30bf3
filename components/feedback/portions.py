"""Take from what a person drew the regions that were asked for.

What is drawn outside of them is not taken: nobody was asked to look there, a proposal may have been left as
it was, and what a label costs is counted by what was asked.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import NamedTuple

from components.contracts.annotation.model import Annotation, AnnotationError
from components.contracts.ledger.labels import read_label, within
from components.contracts.ledger.state import LabelVersion, State
from components.contracts.regions.tiles import Tiles
from components.contracts.storage.base import Storage
from tfds_cityscapes.labels import IGNORE_LABEL

# A stroke across the edge of a region is no correction of the region beyond.
_CORRECTED = 0.5  # of the pixels that are labeled in a region


class Portion(NamedTuple):
    """What an annotation says of some regions, and 255 elsewhere; of the whole image if `tiles` is None."""

    annotation: Annotation
    tiles: Tiles | None


def in_regions(state: State, image_id: str) -> bool:
    """Return whether what arrives for an image is about regions of it."""
    request = state.outstanding.get(image_id)
    if request is not None:
        return request.tiles is not None
    versions = state.labels.get(image_id, ())
    return bool(versions) and all(version.tiles is not None for version in versions)


def portions(
    storage: Storage, state: State, annotation: Annotation, max_ignore: float
) -> list[Portion]:
    """Divide an annotation, at native size, into the regions that it answers or corrects.

    It answers all regions of its image that wait for a label, if enough of them has a class. If not, it
    corrects those that are labeled and that it labels again.

    Args:
      storage: the campaign root.
      state: of the ledger.
      annotation: of an image of the pool.
      max_ignore: largest share of the pixels of the regions without a class.

    Raises:
      AnnotationError: it does neither.
    """
    if not in_regions(state, annotation.image_id):
        return [Portion(annotation, None)]
    labeled = annotation.train_ids != IGNORE_LABEL
    request = state.outstanding.get(annotation.image_id)
    asked = None if request is None else request.tiles
    if asked is not None:
        share = float(labeled[asked.mask(labeled.shape)].mean())
        if share and 1 - share <= max_ignore:
            return [_portion(annotation, asked)]
    corrected = []
    for version in _newest(state.labels.get(annotation.image_id, ())):
        before = read_label(storage, version.image_id, version.sha256) != IGNORE_LABEL
        if version.tiles is None or before.shape != labeled.shape:
            continue
        again = int((labeled & version.tiles.mask(labeled.shape)).sum())
        if again and again >= _CORRECTED * int(before.sum()):
            corrected.append(_portion(annotation, version.tiles))
    if not corrected:
        where = "were asked for" if asked is None else f"are asked for ({asked})"
        raise AnnotationError(
            f"Too few pixels have a class in the regions of the image that {where}: at most "
            f"{max_ignore:.1%} may be without one. Label these regions, or skip their task."
        )
    return corrected


def _newest(versions: Sequence[LabelVersion]) -> list[LabelVersion]:
    """Return the newest version of each set of regions that were labeled together."""
    return list({version.tiles: version for version in versions}.values())


def _portion(annotation: Annotation, tiles: Tiles) -> Portion:
    return Portion(replace(annotation, train_ids=within(annotation.train_ids, tiles)), tiles)
