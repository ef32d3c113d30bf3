"""Make sure that a model can be scored, before anybody labels and anything trains."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import PurePosixPath

from components.contracts.data.records import Records
from components.contracts.process.errors import StreetloopError
from components.preprocess.build import Division
from tfds_cityscapes.labels import IGNORE_LABEL

_SHOWN = 3  # names in a message


def check_masks(division: Division, required: bool = True) -> None:
    """Check that `val` has masks.

    Args:
      division: of the data set.
      required: whether there must be a `val`. If not, its images need masks only where there are any.

    Raises:
      StreetloopError: no image of `val` has a mask; the message says what is there instead.
    """
    source = division.source
    images = [item for item in source.items if item.split == "val"]
    if division.splits.get("val") or not (images or required):
        return
    found = [name for name in source.files if name.startswith("gtFine/val/")]
    there = f"{len(images)} images in leftImg8bit/val" if images else "no image in leftImg8bit/val"
    if found:
        names = ", ".join(PurePosixPath(name).name for name in sorted(found)[:_SHOWN])
        there += f", and {len(found)} other files in gtFine/val, such as {names}"
    raise StreetloopError(
        f"{source.uri} has no labeled val image, so no model could be scored. Found {there}. Put "
        "masks into gtFine/val/<city>/, named <image id>_gtFine_labelIds.png."
    )


def check_scorable(records: Records, splits: Sequence[str] = ("val", "dev")) -> None:
    """Check that the masks of every split that has images label at least one pixel.

    Raises:
      StreetloopError: all pixels of a split's masks are ignored.
    """
    for split in splits:
        ids = records.ids(split)
        # The first image decides nearly always: this reads one mask, not all.
        if ids and not any(_labels_something(records, image_id) for image_id in ids):
            raise StreetloopError(
                f"Every pixel of the {len(ids)} {split} masks is void or unlabeled, so no model could "
                "be scored. Check that the masks hold Cityscapes label ids."
            )


def _labels_something(records: Records, image_id: str) -> bool:
    label = records.read(image_id).label
    return label is not None and bool((label != IGNORE_LABEL).any())
