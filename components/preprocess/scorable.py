"""Make sure that a model can be scored, and an oracle can answer, before anything else runs."""

from __future__ import annotations

from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from components.contracts.data.records import Records
from components.contracts.process.errors import StreetloopError
from components.contracts.process.words import counted
from tfds_cityscapes.labels import IGNORE_LABEL

if TYPE_CHECKING:
    from components.preprocess.build import Division

_SHOWN = 3  # names in a message
# What else helps, besides other masks.
_OTHERWISE = {"val": "", "dev": ", or set split.dev_fraction=0 to promote every new model"}


def check_masks(division: Division, required: bool = True) -> None:
    """Check that `val` has masks.

    Args:
      division: of the data set.
      required: whether there must be a `val`. If not, its images need masks only where there are any.

    Raises:
      StreetloopError: no image of `val` has a mask; the message says what is there instead.
    """
    images = [item for item in division.source.items if item.split == "val"]
    if division.splits.get("val") or not (images or required):
        return
    # Without folders for the splits, any file may have been meant for `val`.
    divided = any(item.split for item in division.source.items)
    folder = "/val" if divided else ""
    there = (
        f"{counted(len(images), 'image')} in leftImg8bit/val"
        if images
        else "no image in leftImg8bit/val"
    )
    if not divided:
        there = "no mask of the images that split.ratios assigns to val"
    unread = _unread_masks(division, f"gtFine{folder}")
    if unread:
        names = ", ".join(PurePosixPath(name).name for name in unread[:_SHOWN])
        there += f", and {len(unread)} other files in gtFine{folder}, such as {names}"
    raise StreetloopError(
        f"{division.source.uri} has no labeled val image, so no model could be scored. Found {there}. Put "
        f"masks into gtFine{folder}/<city>/, named <image id>_gtFine_labelIds.png."
    )


def _unread_masks(division: Division, prefix: str) -> list[str]:
    """Return the files of masks that are no image's mask; their names begin like this, in any case."""
    masks, start = {item.label for item in division.source.items}, prefix.casefold()
    files = division.source.files
    return sorted(n for n in files if n.casefold().startswith(start) and n not in masks)


def check_oracle(division: Division) -> None:
    """Check that a simulated annotator has something to answer from.

    Raises:
      StreetloopError: no image of the pool has a mask.
    """
    pool = division.splits["train"]
    if any(item.label for item in pool):
        return
    there = f"none of the {len(pool)} images of the pool has a mask"
    if unread := _unread_masks(division, "gtFine/train"):
        there += f"; gtFine/train has other files, such as {PurePosixPath(unread[0]).name}"
    raise StreetloopError(
        f"The oracle cannot answer from {division.source.uri}: {there}. A simulation needs "
        "gtFine/train/<city>/<image id>_gtFine_labelIds.png; for a campaign with people, set "
        "feedback.oracle=false."
    )


def check_scorable(records: Records) -> None:
    """Check that the masks of `val` and `dev` label at least one pixel each, if they have images.

    Raises:
      StreetloopError: all pixels of a split's masks are ignored.
    """
    for split, otherwise in _OTHERWISE.items():
        ids = records.ids(split)
        # The first image decides nearly always: this reads one mask, not all.
        if ids and not any(_labels_something(records, image_id) for image_id in ids):
            raise StreetloopError(
                f"Every pixel of the {len(ids)} {split} masks is void or unlabeled, so no model could "
                f"be scored. Check that the masks hold Cityscapes label ids{otherwise}."
            )


def _labels_something(records: Records, image_id: str) -> bool:
    label = records.read(image_id).label
    return label is not None and bool((label != IGNORE_LABEL).any())
