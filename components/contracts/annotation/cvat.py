"""Read and write CVAT's "Segmentation mask 1.1": a zip of masks in colours, with their table.

labelmap.txt                         name:r,g,b:parts:actions, one class per line
ImageSets/Segmentation/default.txt   names of the images, without their ending
SegmentationClass/<image>.png        the masks; with one channel, its values are lines of labelmap.txt
SegmentationObject/<image>.png       one colour per object; not read, and not needed to import
"""

from __future__ import annotations

import io
import re
import zipfile
from collections.abc import Iterable
from typing import TypeAlias

import numpy as np

from components.contracts.annotation.archive import Archive
from components.contracts.annotation.fields import (
    UNKNOWN_ANNOTATOR,
    image_id_of_file,
    quote,
    train_id_of,
)
from components.contracts.annotation.limits import Budget
from components.contracts.annotation.model import (
    Annotation,
    AnnotationError,
    Batch,
    join,
    refused,
)
from components.contracts.annotation.png import Png
from components.contracts.annotation.png_mask import UnknownColorsError, from_colors
from components.contracts.annotation.png_mask import write as write_png
from tfds_cityscapes.labels import TRAIN_LABELS

_MASKS = "SegmentationClass/"
_OTHERS = ("SegmentationObject/", "ImageSets/", "JPEGImages/", "Annotations/")
_LINE = re.compile(r"([^:]+):\s*(\d{1,3})\s*,\s*(\d{1,3})\s*,\s*(\d{1,3})\s*(:|$)")
Labelmap: TypeAlias = list[tuple[str, tuple[int, int, int]]]
_EPOCH = (1980, 1, 1, 0, 0, 0)  # a fixed date: the same masks give the same bytes


def roots(names: Iterable[str]) -> list[str]:
    """Return the folders of a zip ("" or ending in "/") that hold an export of this format."""
    return sorted({name.split(_MASKS)[0] for name in names if re.search(f"(^|/){_MASKS}", name)})


def belongs(member: str, root: str) -> bool:
    """Return whether an entry is part of the export in `root`, whether it is read or not."""
    inner = member.removeprefix(root)
    return member.startswith(root) and (
        inner == "labelmap.txt" or inner.startswith((_MASKS, *_OTHERS))
    )


def read(archive: Archive, root: str, budget: Budget, annotator: str = UNKNOWN_ANNOTATOR) -> Batch:
    """Read every mask of one export; a mask that cannot be read is rejected alone.

    Args:
      archive: the zip.
      root: one of `roots`.
      budget: the rest of what the export may cost.
      annotator: who labeled it; the format does not say.
    """
    try:
        labels = _read_labelmap(archive, root)
    except AnnotationError as error:
        return refused(archive.label(f"{root}labelmap.txt"), error)
    batches = []
    for member in archive.names:
        if member.startswith(root + _MASKS):
            source = archive.label(member)
            try:
                image_id = image_id_of_file(member)
                train_ids = _train_ids(Png(archive.read(member), budget), labels)
                budget.spend(*train_ids.shape)
                annotation = Annotation(image_id, train_ids, annotator, None, source)
                batches.append(Batch(annotations=(annotation,)))
            except AnnotationError as error:
                batches.append(refused(source, error))
    return join(batches)


def write(masks: Iterable[tuple[str, np.ndarray]]) -> bytes:
    """Write a zip that CVAT imports into a task with these images and the 19 classes.

    Args:
      masks: image ids (the names of the images in CVAT, without their ending) and label maps,
        uint8 [H, W] of train ids; 255 becomes CVAT's background.
    """
    lines = ["# label:color_rgb:parts:actions", "background:0,0,0::"]
    lines += [f"{row.name}:{','.join(map(str, row.color))}::" for row in TRAIN_LABELS]
    names = []
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as target:
        for image_id, train_ids in masks:
            names.append(image_id)
            content = write_png(train_ids, "color")
            target.writestr(zipfile.ZipInfo(f"{_MASKS}{image_id}.png", _EPOCH), content)
        for name, rows in (
            ("labelmap.txt", lines),
            ("ImageSets/Segmentation/default.txt", names),
        ):
            target.writestr(zipfile.ZipInfo(name, _EPOCH), "".join(f"{row}\n" for row in rows))
    return buffer.getvalue()


def _read_labelmap(archive: Archive, root: str) -> Labelmap:
    """Return names and colours in the order of the file; without a file, those that `write` uses."""
    member = f"{root}labelmap.txt"
    if member not in archive.names:
        return [("background", (0, 0, 0)), *((row.name, row.color) for row in TRAIN_LABELS)]
    labels: Labelmap = []
    text = archive.read(member).decode("utf-8-sig", "replace")
    for line in text.splitlines():
        if not line.strip() or line.startswith("#"):
            continue
        match = _LINE.match(line.strip())
        color = (int(match[2]), int(match[3]), int(match[4])) if match else (256, 256, 256)
        if match is None or max(color) > 255:
            raise AnnotationError(
                f"A line of labelmap.txt cannot be read: {quote(line)}. Expected "
                "name:red,green,blue::, as CVAT writes it."
            )
        labels.append((match[1].strip(), color))
    if not 0 < len(labels) <= 255 or len({color for _, color in labels}) < len(labels):
        raise AnnotationError(
            "In labelmap.txt there are no classes, more than 255, or two of the same colour. Give "
            "every class its own colour in CVAT and export again."
        )
    return labels


def _train_ids(png: Png, labels: Labelmap) -> np.ndarray:
    """Return the mask in train ids, uint8 [H, W]; only classes that occur in it must be known."""
    if png.header.is_color or png.header.has_palette:
        places = _places_of_colors(png, labels)
    else:
        ids = png.ids()
        if ids is None or int(ids.max()) >= len(labels):
            raise AnnotationError(
                "The mask has one channel, with values that are not lines of labelmap.txt (0 to "
                f"{len(labels) - 1}). Export the task again."
            )
        places = ids
    table: np.ndarray = np.zeros(len(labels), np.uint8)
    for place in np.unique(places):
        table[place] = train_id_of(labels[place][0])
    train_ids: np.ndarray = table[places]
    return train_ids


def _places_of_colors(png: Png, labels: Labelmap) -> np.ndarray:
    lines = {color: i for i, (_, color) in enumerate(labels)}
    try:
        return from_colors(png.colors(), lines, "labelmap.txt")
    except UnknownColorsError:
        # Some programs save a mask of one channel as three equal ones.
        ids = png.ids() if png.header.is_color else None
        if ids is None or int(ids.max()) >= len(labels):
            raise
        return ids
