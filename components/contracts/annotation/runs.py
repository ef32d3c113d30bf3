"""Decode masks that are lengths of runs of pixels, outside and inside in turn: COCO's and CVAT's.

COCO goes column by column, CVAT row by row. In COCO's compressed form, the lengths are a text: each
is a signed number in groups of 5 bits, the lowest first, as the characters from "0" (48) on; bit 6
says that another group follows. From the fourth length on, the text holds the difference to the
length two before.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from components.contracts.annotation.fields import items_of, whole
from components.contracts.annotation.model import AnnotationError

_DAMAGED = "The RLE of an object is damaged. Export the file again."


def decode_coco(value: Mapping[str, Any], height: int, width: int) -> np.ndarray:
    """Return the pixels inside: bool [height, width].

    Args:
      value: `size` ([height, width]) and `counts` (a text, or a list of lengths).
      height: that the mask must have.
      width: that the mask must have.

    Raises:
      AnnotationError: the size is another one, or the runs do not fill it.
    """
    size = items_of(value.get("size"), "the size of an RLE")
    if size != [height, width]:
        raise AnnotationError(
            f"The RLE of an object has another size than its image, which has {width}x{height} pixels "
            "(width x height). Export the file again."
        )
    counts = value.get("counts")
    runs = _compressed(counts) if isinstance(counts, str) else _listed(counts, height * width)
    return expand(runs, height * width).reshape(width, height).T


def expand(runs: list[int], pixels: int) -> np.ndarray:
    """Return runs of false and true in turn, false first: bool [pixels].

    Raises:
      AnnotationError: a run is negative, or they do not fill the pixels exactly.
    """
    if any(run < 0 for run in runs) or sum(runs) != pixels:
        raise AnnotationError(_DAMAGED)
    inside = np.arange(len(runs)) % 2 == 1
    filled: np.ndarray = np.repeat(inside, runs)
    return filled


def _listed(counts: object, pixels: int) -> list[int]:
    return [
        whole(run, "a run of an RLE", 0, pixels) for run in items_of(counts, "the runs of an RLE")
    ]


def _compressed(text: str) -> list[int]:
    runs: list[int] = []
    number = shift = 0
    for code in text.encode("ascii", "replace"):
        group = code - 48
        if not 0 <= group < 64 or shift > 60:
            raise AnnotationError(_DAMAGED)
        number |= (group & 31) << shift
        shift += 5
        if group & 32:
            continue
        if group & 16:
            number -= 1 << shift
        runs.append(number + (runs[-2] if len(runs) > 2 else 0))
        number = shift = 0
    if shift:
        raise AnnotationError(_DAMAGED)
    return runs
