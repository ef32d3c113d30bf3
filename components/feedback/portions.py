"""Take from what a person drew the regions that were asked for.

What is drawn outside of them is not taken: nobody was asked to look there, a proposal may have been left as
it was, and what a label costs is counted by what was asked.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import NamedTuple

import numpy as np

from components.contracts.annotation.model import Annotation, AnnotationError
from components.contracts.ledger.labels import read_label, within
from components.contracts.ledger.state import LabelVersion, State
from components.contracts.regions.tiles import Box, Tiles, parse_parts
from components.contracts.storage.base import Storage
from tfds_cityscapes.labels import IGNORE_LABEL

# A stroke across the edge of a region neither answers nor corrects the region beyond.
_ENOUGH = 0.5

_OTHER_SIZE = (
    "Regions of the image were labeled when it had {}x{} pixels (width x height); it has {}x{} now, and "
    "labels of two sizes cannot be joined. Label the whole image, not regions of it alone."
)


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
    # Regions that nobody could label may be labeled later nevertheless.
    known = bool(versions) or image_id in state.passed
    return known and all(version.tiles is not None for version in versions)


def portions(
    storage: Storage, state: State, annotation: Annotation, max_ignore: float
) -> list[Portion]:
    """Divide an annotation, at native size, into the regions that it answers or corrects.

    Each region is decided on its own; one that is asked for and not answered goes on waiting. If the
    annotation names the regions of its task, no other is taken. If labeled regions have another size than
    the image has now, a label of most of the image replaces them all.

    Args:
      storage: the campaign root.
      state: of the ledger.
      annotation: of an image of the pool.
      max_ignore: largest share of the pixels of a region without a class. At least half of them need one
        if the annotation does not name the regions of its task.

    Raises:
      AnnotationError: it answers and corrects none, or cannot be joined with the labeled regions.
    """
    image_id = annotation.image_id
    drawn = annotation.train_ids != IGNORE_LABEL
    told = _told(annotation)
    partly = in_regions(state, image_id)
    if not told and not partly:
        return [Portion(annotation, None)]
    if partly and (earlier := _other_size(storage, state, annotation)):
        if float(drawn.mean()) < max(_ENOUGH, 1 - max_ignore):
            raise AnnotationError(_OTHER_SIZE.format(*earlier[::-1], *drawn.shape[::-1]))
        return [Portion(annotation, None)]
    enough = 1 - max_ignore if told else max(_ENOUGH, 1 - max_ignore)

    def answered(box: Box) -> bool:
        share = float(drawn[box.window].mean())
        return share > 0 and share >= enough

    wanted = list(_wanted(state, image_id)) if partly else list(told)
    if told:
        wanted = [tiles.within(*told) for tiles in wanted]
    found = [_passing(tiles, drawn.shape, answered) for tiles in wanted]
    found += _corrected(storage, state, annotation, told)
    taken = [_portion(annotation, tiles) for tiles in dict.fromkeys(found) if tiles.numbers]
    if not taken:
        raise AnnotationError(_too_few(state, image_id, told, enough))
    return taken


def _told(annotation: Annotation) -> tuple[Tiles, ...]:
    """Return the regions that an annotation's task named; nothing if its image cannot have them."""
    told = parse_parts(annotation.regions)
    height, width = annotation.train_ids.shape
    return told if all(t.rows <= height and t.columns <= width for t in told) else ()


def _other_size(storage: Storage, state: State, annotation: Annotation) -> tuple[int, int] | None:
    """Return the size of a labeled region's map if it is not the annotation's: (height, width)."""
    size = annotation.train_ids.shape
    for version in state.labels.get(annotation.image_id, ()):
        height, width = read_label(storage, version.image_id, version.sha256).shape
        if (height, width) != size:
            return height, width
    return None


def _wanted(state: State, image_id: str) -> Iterator[Tiles]:
    """Yield the regions of an image that wait for a label, and those that were skipped and have none."""
    request = state.outstanding.get(image_id)
    if request is not None and request.tiles is not None:
        yield request.tiles
    for tiles in state.passed.get(image_id, ()):
        for labeled in state.labeled_area(image_id):
            tiles = tiles.without(labeled)
        yield tiles


def _corrected(
    storage: Storage, state: State, annotation: Annotation, told: Sequence[Tiles]
) -> list[Tiles]:
    """Return the labeled regions of which an annotation labels enough again.

    The annotator's own regions come together as they came before, so that a repeated answer is known.
    """
    drawn = annotation.train_ids != IGNORE_LABEL
    versions = _newest(state.labels.get(annotation.image_id, ()))
    own = [v for v in versions if v.annotator == annotation.annotator]
    taken = [version.tiles for version in own]
    found = []
    for version in (*own, *(v for v in versions if v not in own)):
        tiles = version.tiles
        if tiles is None:
            continue
        if told:
            tiles = tiles.within(*told)
        if version not in own:
            for other in taken:
                tiles = tiles.without(other)
        before = read_label(storage, version.image_id, version.sha256) != IGNORE_LABEL
        if before.shape != drawn.shape:  # the whole image was labeled since
            continue

        def again(box: Box, before: np.ndarray = before) -> bool:
            now, earlier = int(drawn[box.window].sum()), int(before[box.window].sum())
            if not earlier:  # a void region stays one, whatever stroke reaches into it
                return now == 0 or now >= _ENOUGH * drawn[box.window].size
            return now >= _ENOUGH * earlier

        tiles = _passing(tiles, drawn.shape, again)
        if drawn[tiles.mask(drawn.shape)].any():
            found.append(tiles)
            taken.append(tiles)
    return found


def _passing(tiles: Tiles, size: tuple[int, int], passes: Callable[[Box], bool]) -> Tiles:
    """Return the tiles, of an image of (height, width), that pass."""
    boxes = zip(tiles.numbers, tiles.boxes(size), strict=True)
    return tiles.of(number for number, box in boxes if passes(box))


def _too_few(state: State, image_id: str, told: Sequence[Tiles], enough: float) -> str:
    """Return why nothing of an annotation was taken, with the limit that applied."""
    request = state.outstanding.get(image_id)
    asked = None if request is None else request.tiles
    if asked is not None and (not told or asked.within(*told).numbers):
        return (
            f"Too few pixels have a class in the regions of the image that are asked for ({asked}): a region "
            f"needs one for at least {enough:.1%} of its pixels. Label these regions, or skip their task."
        )
    labeled = "; ".join(str(tiles) for tiles in state.labeled_area(image_id)) or "none"
    return (
        "The annotation answers no region of the image that is asked for, and it corrects none that is "
        f"labeled ({labeled}): a correction labels at least half as many pixels of a region as were labeled "
        "before. Label more of the region, or leave it as it is."
    )


def _newest(versions: Sequence[LabelVersion]) -> list[LabelVersion]:
    """Return each annotator's newest version of each set of regions that were labeled together."""
    return list({(version.annotator, version.tiles): version for version in versions}.values())


def _portion(annotation: Annotation, tiles: Tiles) -> Portion:
    return Portion(replace(annotation, train_ids=within(annotation.train_ids, tiles)), tiles)
