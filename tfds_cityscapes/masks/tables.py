"""Read the tables that tools write beside masks, which say what their ids and colours mean.

label_colors.txt   CVAT and Datumaro, Cityscapes format: red green blue name; ids are the lines
labelmap.txt       CVAT, Segmentation mask: name:red,green,blue:parts:actions; ids are the lines
_classes.csv       Roboflow, semantic segmentation: Pixel Value, Class
class_names.txt    labelme: one name per line; ids are the lines
"""

from __future__ import annotations

import csv
import re
from collections.abc import Callable, Container
from dataclasses import dataclass
from pathlib import PurePosixPath

from tfds_cityscapes.labels import label_named
from tfds_cityscapes.masks.pixels import Color
from tfds_cityscapes.masks.png import MaskError

_COLOR_FIRST = re.compile(r"(\d{1,3})[\s,]+(\d{1,3})[\s,]+(\d{1,3})[\s,]+(\S.*)")
_COLOR_LAST = re.compile(r"([^:]+):\s*(\d{1,3})\s*,\s*(\d{1,3})\s*,\s*(\d{1,3})\s*(:|$)")


@dataclass(frozen=True)
class ClassTable:
    """What the ids and colours of the masks beside a table mean.

    Attributes:
      source: the table's file, for messages.
      names: id -> the name of its class.
      colors: colour -> the name of its class; empty if the table has no colours.
    """

    source: str
    names: dict[int, str]
    colors: dict[Color, str]


def table_beside(
    name: str, files: Container[str], read: Callable[[str], bytes]
) -> ClassTable | None:
    """Return the table of a mask: in its folder, or in the nearest folder above that has one.

    Args:
      name: the mask's, with "/" between folders.
      files: the names that exist.
      read: returns the content of one of them.

    Raises:
      MaskError: a line of the table cannot be read.
    """
    for folder in PurePosixPath(name).parents:
        for ending in PARSERS:
            path = str(folder / ending)
            if path in files and (table := parse_table(path, read(path))) is not None:
                return table
    return None


def parse_table(name: str, data: bytes) -> ClassTable | None:
    """Read a table; None if the file is not one, by its name or its content.

    Raises:
      MaskError: it has a line that cannot be read, no class, or two classes of one colour.
    """
    parse = PARSERS.get(PurePosixPath(name).name)
    if parse is None:
        return None
    lines = data.decode("utf-8-sig", "replace").splitlines()
    return parse(name, [line.strip() for line in lines if line.strip()])


def _label_colors(name: str, lines: list[str]) -> ClassTable:
    rows = []
    for line in lines:
        match = _COLOR_FIRST.fullmatch(line)
        rows.append((match[4], _color(match[1], match[2], match[3])) if match else (line, None))
    return _of_rows(name, rows, "red green blue name")


def _labelmap(name: str, lines: list[str]) -> ClassTable:
    rows = []
    for line in lines:
        if not line.startswith("#"):
            match = _COLOR_LAST.match(line)
            color = _color(match[2], match[3], match[4]) if match else None
            rows.append((match[1].strip() if match else line, color))
    return _of_rows(name, rows, "name:red,green,blue::, as CVAT writes it")


def _of_rows(name: str, rows: list[tuple[str, Color | None]], expected: str) -> ClassTable:
    shown = PurePosixPath(name).name
    colors: dict[Color, str] = {}
    for text, color in rows:
        if color is None:
            raise MaskError(
                f'A line of {shown} cannot be read: "{_shown(text)}". Expected {expected}.'
            )
        if len(rows) > 255 or not _same_class(colors.setdefault(color, text), text):
            raise MaskError(
                f"In {shown} there are more than 255 classes, or two of the same colour. Give every "
                "class its own colour and export again."
            )
    if not colors:
        raise MaskError(f"There are no classes in {shown}. Export the masks again.")
    return ClassTable(shown, {i: text for i, (text, _) in enumerate(rows)}, colors)


def _classes_csv(name: str, lines: list[str]) -> ClassTable | None:
    rows = list(csv.reader(lines, skipinitialspace=True))
    if not rows or [cell.strip().lower() for cell in rows[0]] != ["pixel value", "class"]:
        return None  # Roboflow's table of whole images has one column for each class
    names: dict[int, str] = {}
    for row in rows[1:]:
        if len(row) != 2 or not re.fullmatch(r"\d{1,3}", row[0].strip()):
            raise MaskError(
                f'A line of {PurePosixPath(name).name} cannot be read: "{_shown(",".join(row))}". '
                "Expected a pixel value and a class."
            )
        names[int(row[0])] = row[1].strip()
    return ClassTable(PurePosixPath(name).name, names, {})


def _class_names(name: str, lines: list[str]) -> ClassTable | None:
    return ClassTable(PurePosixPath(name).name, dict(enumerate(lines)), {}) if lines else None


def _same_class(first: str, second: str) -> bool:
    """Return whether two classes may share a colour, as those do that Cityscapes does not score."""
    rows = label_named(first), label_named(second)
    return first == second or (None not in rows and len({row.color for row in rows if row}) == 1)


def _color(*parts: str) -> Color | None:
    red, green, blue = (int(part) for part in parts)
    return (red, green, blue) if max(red, green, blue) < 256 else None


def _shown(text: str) -> str:
    return "".join(c if c.isprintable() else "?" for c in text[:60])


PARSERS: dict[str, Callable[[str, list[str]], ClassTable | None]] = {
    "label_colors.txt": _label_colors,
    "labelmap.txt": _labelmap,
    "_classes.csv": _classes_csv,
    "class_names.txt": _class_names,
}
