"""Which file is the mask of which image: the names in gtFine and gtCoarse."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Sequence
from pathlib import PurePosixPath

from tfds_cityscapes.files import Skipped, SourceError, ending

_MASK = re.compile(
    r"^(?P<id>.+?)(?:_leftImg8bit)?(?:_gtFine|_gtCoarse)?_"
    r"(?P<kind>labelIds|labelTrainIds|trainIds|instanceIds|instanceTrainIds|color|polygons|panoptic)$",
    re.IGNORECASE,
)
# The kinds of masks that are read; where an image has both, the first counts.
_READ = ({"labelids"}, {"labeltrainids", "trainids"})
_COARSE = (
    "masks of gtCoarse are not used, as nothing can be scored on them; hand them in as labels with "
    "`streetloop feedback`, or copy them to gtFine"
)


def join_masks(
    names: Sequence[str], image_ids: Collection[str]
) -> tuple[dict[str, str], list[Skipped]]:
    """Find the mask of each image.

    Args:
      names: of the files in gtFine, sorted.
      image_ids: of the images.

    Returns:
      Image id -> the mask's name, and the files that were not read.

    Raises:
      SourceError: there are two masks of one kind for an image.
    """
    labels: dict[str, str] = {}
    others: list[tuple[str, str, str]] = []  # name, id, kind
    parsed = [(name, _MASK.match(PurePosixPath(name).stem)) for name in names]
    for wanted in _READ:
        of_kind: dict[str, str] = {}
        for name, match in parsed:
            if match is None or match["kind"].casefold() not in wanted or ending(name) != ".png":
                continue
            if match["id"] in of_kind:
                raise SourceError(
                    f"Two masks for {match['id']}: {of_kind[match['id']]} and {name}. Remove one."
                )
            of_kind[match["id"]] = name
        labels = of_kind | labels
    used = set(labels.values())
    for name, match in parsed:
        if name not in used:
            kind = match["kind"].casefold() if match else ""
            others.append((name, match["id"] if match else "", kind))
    skipped = list(_other_masks(others, image_ids, labels))
    orphans = [name for found, name in labels.items() if found not in image_ids]
    skipped += [Skipped(name, "it has no image in leftImg8bit") for name in orphans]
    return labels, skipped


def _other_masks(
    others: Iterable[tuple[str, str, str]], image_ids: Collection[str], labels: dict[str, str]
) -> Iterator[Skipped]:
    """Report what is in gtFine and is not a mask of label ids, unless it is beside one."""
    for name, found, kind in others:
        if not kind:
            yield Skipped(name, "it is not named as a mask, <id>_gtFine_labelIds.png")
        elif found in labels or found not in image_ids:
            continue
        elif kind in _READ[0] | _READ[1]:
            yield Skipped(name, "a mask must be a PNG; convert it without loss")
        elif kind == "polygons":
            reason = (
                "the image has polygons but no *_gtFine_labelIds.png; draw it with json2labelImg of "
                "cityscapesscripts"
            )
            yield Skipped(name, reason)
        else:
            yield Skipped(name, "the image has no *_gtFine_labelIds.png beside it; add it")


def unused_coarse(
    names: Sequence[str], image_ids: Collection[str], labels: dict[str, str]
) -> list[Skipped]:
    """Report the masks in gtCoarse whose images have no mask in gtFine."""
    found = ((name, _MASK.match(PurePosixPath(name).stem)) for name in names)
    return [
        Skipped(name, _COARSE)
        for name, match in found
        if match
        and match["kind"].casefold() == "labelids"
        and match["id"] in image_ids
        and match["id"] not in labels
    ]
