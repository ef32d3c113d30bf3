"""Read one file that is not a zip: its content decides the format."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from components.contracts.annotation import (
    cityscapes_polygons,
    class_tables,
    coco,
    cvat_images,
    cvat_jobs,
    label_studio,
    labelme,
    png_mask,
)
from components.contracts.annotation.fields import clean, parse_json
from components.contracts.annotation.foreign import (
    FORMATS,
    is_web_page,
    reason_against,
    reason_against_json,
    reason_against_name,
)
from components.contracts.annotation.known import KnownImages
from components.contracts.annotation.limits import Budget
from components.contracts.annotation.model import AnnotationError, Batch, refused
from tfds_cityscapes.masks import ClassTable, numbers_objects

NO_ANNOTATIONS = "This file holds no finished annotations. Submit some, then export again."


@dataclass
class Reading:
    """What all files of one export share.

    Attributes:
      budget: the rest of what the export may cost.
      annotator: who labeled it, if the format does not say.
      images: those that are known.
      photos: ids of the images that the JSON and XML read so far are about. A zip may hold the images
        themselves as well, which are no masks.
    """

    budget: Budget
    annotator: str
    images: KnownImages
    photos: set[str] = field(default_factory=set)

    def note_photos(self, names: list[str]) -> None:
        """Remember the images of these names."""
        for name in names:
            try:
                self.photos.add(self.images.id_of_file(name))
            except AnnotationError:
                continue  # the file with this name is reported


def guarded(name: str, read: Callable[[], Batch]) -> Batch:
    """Run one reader; any error in it becomes a refusal of its part alone."""
    try:
        return read()
    except AnnotationError as error:
        return refused(name, error)
    except Exception as error:  # a stranger's file must not stop the others
        return refused(
            name,
            f"Reading this file failed ({type(error).__name__}). This is a fault of the reader, too: "
            f"please report it with the file. {FORMATS}",
        )


def read_one(name: str, data: bytes, reading: Reading, table: ClassTable | None = None) -> Batch:
    """Read one file; `table` says what the ids and colours of a mask mean, if there is one beside it.

    Raises:
      AnnotationError: the file, or all of its content, is rejected.
    """
    if not data:
        raise AnnotationError("The file is empty. Its copy may not be complete: copy it again.")
    if (reason := reason_against_name(name)) is not None:
        raise AnnotationError(reason)
    if data.startswith(png_mask.SIGNATURE[:4]):
        if numbers_objects(name):
            raise AnnotationError("This mask numbers objects, not classes. Add _labelIds.png.")
        annotation = png_mask.read(
            name, data, reading.budget, reading.annotator, table=table, images=reading.images
        )
        return Batch(annotations=(annotation,))
    start = data.removeprefix(b"\xef\xbb\xbf").lstrip()[:1]
    if start in (b"[", b"{") or data[:2] in (b"\xff\xfe", b"\xfe\xff"):
        return _read_json(name, parse_json(data), reading)
    if start == b"<" and not is_web_page(data):
        reading.note_photos([name])  # even if it is rejected: some formats have a file per image
        batch, names = cvat_images.read(
            clean(name), data, reading.budget, reading.annotator, reading.images
        )
        reading.note_photos(names)
        return batch
    if class_tables.name_of(name) is not None:
        raise AnnotationError(
            "This table says what the ids and colours of masks mean, and holds no labels. Hand it in "
            "together with its masks, as one zip."
        )
    reason = reason_against(name, data)
    if name.lower().endswith(".json") and reason.endswith(FORMATS):
        return _read_json(name, parse_json(data), reading)  # says where it stops being JSON
    raise AnnotationError(reason)


def _read_json(name: str, value: Any, reading: Reading) -> Batch:
    budget, annotator, images = reading.budget, reading.annotator, reading.images
    if cityscapes_polygons.is_polygons(value):
        return Batch(
            annotations=(cityscapes_polygons.read(name, value, budget, annotator, images),)
        )
    if labelme.is_labelme(value):
        reading.note_photos([name, *filter(None, [labelme.file_name(value)])])
        return Batch(annotations=(labelme.read(name, value, budget, annotator, images),))
    if cvat_jobs.is_cvat_jobs(value):
        reading.note_photos(cvat_jobs.file_names(value))
        return cvat_jobs.read(clean(name), value, budget, images)
    if coco.is_coco(value):
        reading.note_photos(coco.file_names(value))
        return coco.read(clean(name), value, budget, annotator, images)
    if isinstance(value, dict) and ("data" in value or label_studio.is_stored_annotation(value)):
        value = [value]
    if not isinstance(value, list):
        raise AnnotationError(reason_against_json(value))
    batch = label_studio.read(clean(name), value, budget, images)
    reading.photos.update(annotation.image_id for annotation in batch.annotations)
    reading.photos.update(skipped.image_id for skipped in batch.skipped)
    return batch
