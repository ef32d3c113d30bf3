"""Read every annotation in a zip."""

from __future__ import annotations

import re
from functools import partial

from components.contracts.annotation import class_tables, cvat, png_mask
from components.contracts.annotation.archive import Archive
from components.contracts.annotation.foreign import reason_against_zip
from components.contracts.annotation.known import KnownImages
from components.contracts.annotation.model import AnnotationError, Batch, join, refused
from components.contracts.annotation.one_file import NO_ANNOTATIONS, Reading, guarded, read_one
from tfds_cityscapes.masks import numbers_objects

_STARTS = (b"PK\x03\x04", b"PK\x05\x06")
# Of several views of one image in a folder of a zip, the first that can be read counts.
_VIEWS = ("_labelids.png", "trainids.png", ".json", ".png")
_PHOTOS = re.compile(r"\.(png|jpe?g|webp|bmp|tiff?)$", re.IGNORECASE)


def is_zip(data: bytes) -> bool:
    """Return whether a file is a zip."""
    return data.startswith(_STARTS)


def read_zip(name: str, data: bytes, reading: Reading) -> Batch:
    """Read every file of a zip; what cannot be read is rejected part by part.

    Raises:
      AnnotationError: the zip as a whole is rejected.
    """
    archive = Archive(name, data, reading.budget.limits)
    if (reason := reason_against_zip(archive.names)) is not None:
        raise AnnotationError(reason)
    batches = [Batch(refusals=tuple(archive.refusals))]
    roots = cvat.roots(archive.names)
    for root in roots:
        read = partial(cvat.read, archive, root, reading.budget, reading.annotator, reading.images)
        batches.append(guarded(archive.label(root), read))
    rest = [m for m in archive.names if not any(cvat.belongs(m, root) for root in roots)]
    views = _views([m for m in rest if not _goes_with_masks(archive, m)], reading.images)
    # JSON and XML first: they say which of the images beside them are photos.
    order = sorted(views, key=lambda members: not _ends(members[0], ".json", ".xml"))
    by_first = {members[0]: _read_view(archive, members, reading) for members in order}
    return join([*batches, *(by_first[members[0]] for members in views)])


def _read_view(archive: Archive, members: list[str], reading: Reading) -> Batch:
    batches = []
    for member in members:
        if _is_photo(member, reading):
            continue
        source = archive.label(member)
        batch = guarded(source, partial(_read_member, archive, member, reading))
        batches.append(refused(source, NO_ANNOTATIONS) if batch == Batch() else batch)
        if not batch.refusals:
            break
    return join(batches)


def _read_member(archive: Archive, member: str, reading: Reading) -> Batch:
    table = class_tables.beside(member, archive.names, archive.read)
    return read_one(f"{archive.name}/{member}", archive.read(member), reading, table)


def _goes_with_masks(archive: Archive, member: str) -> bool:
    """Return whether a file is a table of classes, or a photo that such an export adds to its masks."""
    if class_tables.is_table(member, archive.read):
        return True
    folder, _, name = member.rpartition("/")
    photo = name.lower().endswith((".jpg", ".jpeg")) or "imgsFine" in folder.split("/")
    return photo and class_tables.exists_beside(member, archive.names)


def _is_photo(member: str, reading: Reading) -> bool:
    """Return whether a file is an image that JSON or XML of the zip is about, not a mask."""
    if not _PHOTOS.search(member) or png_mask.encoding_of_name(member) is not None:
        return False
    try:
        return reading.images.id_of_file(member) in reading.photos
    except AnnotationError:
        return False


def _views(members: list[str], images: KnownImages) -> list[list[str]]:
    """Group the files of one image in one folder, such as a benchmark's ids, polygons and colours.

    They are views of one annotation and must count once.
    """
    groups: dict[tuple[str, str], list[str]] = {}
    for member in members:
        try:
            image_id = images.id_of_mask(member)
        except AnnotationError:
            image_id = member
        groups.setdefault((member.rpartition("/")[0], image_id), []).append(member)
    return [sorted(group, key=_rank) for group in groups.values()]


def _rank(member: str) -> tuple[int, str]:
    if numbers_objects(member):
        return len(_VIEWS) + 1, member
    ranks = (i for i, end in enumerate(_VIEWS) if _ends(member, end))
    return next(ranks, len(_VIEWS)), member


def _ends(name: str, *ends: str) -> bool:
    return name.lower().endswith(ends)
