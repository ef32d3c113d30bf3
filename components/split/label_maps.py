"""Label maps in a plain folder: which file is which image's, and what it holds."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from components.contracts.annotation import png_mask
from components.contracts.annotation.fields import image_id_of_file
from components.contracts.annotation.limits import Budget, Limits
from components.contracts.annotation.model import AnnotationError
from components.contracts.process.errors import StreetloopError

# Of several views of one image, as the benchmark has them, the first in this order is read.
_ORDER = ("label_ids", "train_ids", None, "color")


def find(folder: Path) -> dict[str, Path]:
    """The label map of each image below a folder, by image id.

    Raises:
      StreetloopError: there is none, or two files claim the same image alike.
    """
    found: dict[str, tuple[int, Path]] = {}
    for path in sorted(folder.rglob("*.png")):
        if path.name.startswith(".") or path.name.lower().endswith("_instanceids.png"):
            continue
        rank = _ORDER.index(png_mask.encoding_of_name(path.name))
        image_id = image_id_of_file(path.name)
        before = found.get(image_id)
        if before is not None and before[0] == rank:
            raise StreetloopError(
                f"Expected one label map of {image_id}; got {before[1]} and {path}. Remove one."
            )
        if before is None or rank < before[0]:
            found[image_id] = rank, path
    if not found:
        raise StreetloopError(
            f"Expected label maps (<image_id>.png or <image_id>_*.png) in {folder}; found none."
        )
    return {image_id: path for image_id, (_, path) in sorted(found.items())}


def read(path: Path) -> np.ndarray:
    """Reads a label map: train ids, uint8 [H, W].

    A name without `_labelIds`, `_trainIds` or `_color` stands for train ids, as the feedback step
    writes them.

    Raises:
      StreetloopError: it is broken, or holds what the label table lacks; the message names it.
    """
    encoding = png_mask.encoding_of_name(path.name) or "train_ids"
    try:
        data = path.read_bytes()
        return png_mask.read(path.name, data, Budget(Limits()), encoding=encoding).train_ids
    except (AnnotationError, OSError) as error:
        raise StreetloopError(f"{path}: {error}") from error
