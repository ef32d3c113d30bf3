"""Decide what the ids and colours of a mask mean.

Names and tables that are there decide. In this order:
1. a table beside the mask, see `tables`;
2. the end of the name: `_labelIds`, `_trainIds` or `_labelTrainIds`, `_color`; or the encoding that
   the caller knows;
3. the content, if only one meaning is possible: the Cityscapes colours; ids from 19 on (not train
   ids); 255 beside ids from 1 to 18 (the benchmark's label id files never hold 255).
Where two of these contradict each other, or the same pixels can be read in two ways with different
classes, the mask is rejected and both readings are named: a wrong guess would swap classes
unnoticed. Masks of 0 and 255 alone are black and white pictures of anything, and decide nothing.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import TypeVar

from tfds_cityscapes.labels import CLASS_NAMES, IGNORE_LABEL, NUM_CLASSES, label_named
from tfds_cityscapes.masks import meaning, reasons
from tfds_cityscapes.masks.meaning import Encoding, Meaning, only
from tfds_cityscapes.masks.pixels import GRAYS, PLACES, Color, Pixels
from tfds_cityscapes.masks.png import MaskError
from tfds_cityscapes.masks.tables import ClassTable

Value = TypeVar("Value", int, Color)
_SUFFIXES: tuple[tuple[str, Encoding], ...] = (
    (r"_labelTrainIds$", "train_ids"),
    (r"_trainIds$", "train_ids"),
    (r"_labelIds$", "label_ids"),
    (r"_color$", "color"),
)
# The benchmark has several files per image: which of them is read, by `encoding_of_name`.
BEST_FIRST: tuple[Encoding | None, ...] = ("label_ids", "train_ids", None, "color")


def numbers_objects(name: str) -> bool:
    """Return whether a file is named as a mask of instances, which does not hold classes."""
    return name.lower().endswith("_instanceids.png")


def encoding_of_name(name: str) -> Encoding | None:
    """Return the encoding that the end of a file's name says, or None."""
    stem = re.sub(r"\.png$", "", name, flags=re.IGNORECASE)
    for pattern, encoding in _SUFFIXES:
        if re.search(pattern, stem, flags=re.IGNORECASE):
            return encoding
    return None


def decide(
    pixels: Pixels, encoding: Encoding | None, table: ClassTable | None = None
) -> dict[int, int]:
    """Return the label id (0..33; 255 is -1) of each stored value.

    Raises:
      MaskError: nothing decides, two readings contradict each other, or an id or colour is unknown.
    """
    if table is not None:
        found = _by_table(pixels, encoding, table)
    elif encoding is not None:
        found = _by_encoding(pixels, encoding)
    else:
        found = _by_content(pixels)
    return found.label_ids


def _by_table(pixels: Pixels, encoding: Encoding | None, table: ClassTable) -> Meaning:
    source, colors = table.source, pixels.colors or {}
    found = [
        Meaning(f"{how}, by {source}", _named(ids, table.names, source))
        for how, ids in pixels.ids.items()
        if set(ids.values()) <= set(table.names)
    ]
    if colors and set(colors.values()) <= set(table.colors):
        painted = Meaning(f"its colours, by {source}", _named(colors, table.colors, source))
        # The places of a palette need not be ids where the table explains its colours.
        found = [painted] if pixels.palette else [painted, *found]
    if not found and colors:
        unknown = [color for color in colors.values() if color not in table.colors]
        raise MaskError(reasons.unknown_colors(unknown, source))
    if not found:
        wrong = sorted(set(next(iter(pixels.ids.values())).values()) - set(table.names))
        raise MaskError(
            f"The mask holds {reasons.some(wrong)}, which {source} beside it does not explain. "
            f"{reasons.other_table(source)}"
        )
    if encoding is not None:
        with suppress(MaskError):  # impossible by its name: the table's reading is the only one
            found.append(_by_encoding(pixels, encoding))
    return only(found, reasons.other_table(source))


def _named(values: Mapping[int, Value], names: Mapping[Value, str], source: str) -> dict[int, int]:
    label_ids = {}
    for stored, value in values.items():
        row = label_named(names[value])
        if row is None:
            raise MaskError(
                f'Unknown class in {source}: "{names[value]}". Rename it to a class of Cityscapes, such '
                f"as {', '.join(CLASS_NAMES[:4])}, or to background."
            )
        label_ids[stored] = row.label_id % 256
    return label_ids


def _by_encoding(pixels: Pixels, encoding: Encoding) -> Meaning:
    if encoding == "color":
        painted = meaning.by_colors(pixels)
        if painted is None and (unknown := meaning.unknown_colors(pixels)):
            raise MaskError(reasons.unknown_colors(unknown))
        if painted is None:
            raise MaskError(reasons.ids_for_colors(pixels.used))
        return painted
    if not pixels.ids:
        known = meaning.by_colors(pixels) is not None
        raise MaskError(reasons.colors_for_ids(known, (pixels.colors or {}).values(), encoding))
    found = meaning.by_ids(pixels, encoding)
    if encoding == "label_ids":
        for how in found:
            meaning.check_label_ids(sorted(set(pixels.ids[how].values())))
    if pixels.palette:
        return _by_palette(pixels, found, encoding)
    if not found:
        wrong = meaning.unknown_ids(list(next(iter(pixels.ids.values())).values()), encoding)
        raise MaskError(reasons.unknown_ids(wrong, encoding))
    return only(list(found.values()), reasons.PLAIN)


def _by_palette(pixels: Pixels, found: Mapping[str, Meaning], encoding: Encoding) -> Meaning:
    """Choose between the places of a palette and what its colours say.

    An optimizer writes the colours that occur, and no others, in any order: of such a palette only
    the colours are certain. Any other palette is as its writer meant it, with ids for places.
    """
    painted = meaning.by_colors(pixels)
    if painted is not None and set(painted.classes.values()) == {IGNORE_LABEL}:
        painted = None  # such as a palette that is black throughout: it says nothing
    colors = list((pixels.colors or {}).values())
    candidates = [*found.values(), *([painted] if painted else [])]
    if not candidates:
        raise MaskError(reasons.useless_palette(pixels.used, colors, encoding))
    if set(pixels.ids.get(GRAYS, {}).values()) in ({0}, {IGNORE_LABEL}, {0, IGNORE_LABEL}):
        return only(list(found.values()), reasons.PLAIN)  # black and white show anything
    if not pixels.compact:
        return only(candidates, reasons.PLAIN)
    certain = [one for one in candidates if one is not found.get(PLACES)]
    if not certain:
        raise MaskError(reasons.reordered_palette(found[PLACES], colors))
    return only(certain, reasons.PLAIN)


def _by_content(pixels: Pixels) -> Meaning:
    painted = meaning.by_colors(pixels)
    if painted is not None and (not pixels.ids or set(painted.classes.values()) != {IGNORE_LABEL}):
        return painted
    colors = list((pixels.colors or {}).values())
    if not pixels.ids:
        raise MaskError(reasons.unknown_colors(meaning.unknown_colors(pixels)))
    if pixels.palette and GRAYS not in pixels.ids:
        raise MaskError(reasons.undecided_palette(pixels.used, colors))
    if not pixels.palette and len(pixels.ids) > 1:
        raise MaskError(
            f"The mask can be read by {' or by '.join(pixels.ids)}. {reasons.RENAME} {reasons.PLAIN}"
        )
    ids = pixels.ids[GRAYS] if pixels.palette else next(iter(pixels.ids.values()))
    return _by_encoding(pixels, _encoding_of(sorted(set(ids.values()))))


def _encoding_of(used: Sequence[int]) -> Encoding:
    inner = [i for i in used if i != IGNORE_LABEL]
    if wrong := [i for i in inner if i > reasons.MAX_LABEL_ID]:
        raise MaskError(reasons.unknown_ids(wrong, None))
    if inner and inner[-1] >= NUM_CLASSES and IGNORE_LABEL not in used:
        return "label_ids"
    if inner and 0 < inner[-1] < NUM_CLASSES and IGNORE_LABEL in used:
        return "train_ids"
    raise MaskError(reasons.undecided_ids(used))
