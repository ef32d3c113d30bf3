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

import numpy as np

from components.contracts.annotation import class_tables, png_mask
from components.contracts.annotation.archive import Archive
from components.contracts.annotation.fields import UNKNOWN_ANNOTATOR
from components.contracts.annotation.known import ANY_IMAGE, KnownImages
from components.contracts.annotation.limits import Budget
from components.contracts.annotation.model import (
    Annotation,
    AnnotationError,
    Batch,
    join,
    refused,
)
from tfds_cityscapes.labels import TRAIN_LABELS
from tfds_cityscapes.masks import ClassTable

_MASKS = "SegmentationClass/"
_OTHERS = ("SegmentationObject/", "ImageSets/", "JPEGImages/", "Annotations/")
_EPOCH = (1980, 1, 1, 0, 0, 0)  # a fixed date: the same masks give the same bytes


def roots(names: Iterable[str]) -> list[str]:
    """Return the folders of a zip ("" or ending in "/") that hold an export of this format."""
    return sorted({name.split(_MASKS)[0] for name in names if re.search(f"(^|/){_MASKS}", name)})


def belongs(member: str, root: str) -> bool:
    """Return whether an entry is part of the export in `root`, whether it is read or not."""
    inner = member.removeprefix(root)
    return member.startswith(root) and (
        inner in ("labelmap.txt", "class_names.txt") or inner.startswith((_MASKS, *_OTHERS))
    )


def read(
    archive: Archive,
    root: str,
    budget: Budget,
    annotator: str = UNKNOWN_ANNOTATOR,
    images: KnownImages = ANY_IMAGE,
) -> Batch:
    """Read every mask of one export; a mask that cannot be read is rejected alone.

    Args:
      archive: the zip.
      root: one of `roots`.
      budget: the rest of what the export may cost.
      annotator: who labeled it; the format does not say.
      images: those that are known. A mask has the name of its image.
    """
    try:
        table = _read_labelmap(archive, root)
    except AnnotationError as error:
        return refused(archive.label(f"{root}labelmap.txt"), error)
    batches = []
    for member in archive.names:
        if member.startswith(root + _MASKS):
            source = archive.label(member)
            try:
                image_id = images.id_of_file(member.removeprefix(root + _MASKS))
                train_ids = png_mask.read_pixels("mask", archive.read(member), budget, table=table)
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
    names = []
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as target:
        for image_id, train_ids in masks:
            names.append(image_id)
            content = png_mask.write(train_ids, "color")
            target.writestr(zipfile.ZipInfo(f"{_MASKS}{image_id}.png", _EPOCH), content)
        for name, text in (
            ("labelmap.txt", _labelmap()),
            ("ImageSets/Segmentation/default.txt", "".join(f"{row}\n" for row in names)),
        ):
            target.writestr(zipfile.ZipInfo(name, _EPOCH), text)
    return buffer.getvalue()


def _read_labelmap(archive: Archive, root: str) -> ClassTable:
    """Return the table of an export; without the file, the one that `write` uses."""
    member = f"{root}labelmap.txt"
    if member not in archive.names and f"{root}class_names.txt" in archive.names:
        raise AnnotationError(
            "This is labelme's VOC export, whose masks number the classes in their own way "
            "(class_names.txt). Hand in the JSON files that labelme saves."
        )
    if member not in archive.names:
        return class_tables.parse("labelmap.txt", _labelmap().encode())
    return class_tables.parse(member, archive.read(member))


def _labelmap() -> str:
    lines = ["# label:color_rgb:parts:actions", "background:0,0,0::"]
    lines += [f"{row.name}:{','.join(map(str, row.color))}::" for row in TRAIN_LABELS]
    return "".join(f"{line}\n" for line in lines)
