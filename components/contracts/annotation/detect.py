"""Read any annotation format: the content decides which it is, not the file name."""

from __future__ import annotations

import stat
from dataclasses import replace
from pathlib import Path

from components.contracts.annotation import class_tables
from components.contracts.annotation.fields import UNKNOWN_ANNOTATOR, clean
from components.contracts.annotation.known import ANY_IMAGE, KnownImages
from components.contracts.annotation.limits import MIB, Budget, Limits
from components.contracts.annotation.model import AnnotationError, Batch, Refusal, refused
from components.contracts.annotation.one_file import NO_ANNOTATIONS, Reading, guarded, read_one
from components.contracts.annotation.zip_file import is_zip, read_zip


def read_export(path: Path, limits: Limits, images: KnownImages = ANY_IMAGE) -> Batch:
    """Read an annotation export, whatever its format. Never raises.

    Args:
      path: the file; a link, a folder or a pipe is rejected.
      limits: what it may cost.
      images: those that labels may be for: they tell what a changed name means, and the size of an
        image where the format does not say it.

    Returns:
      The annotations, and a refusal with its reason for every part that cannot be read. A file
      without any annotation is a refusal too.
    """
    name = clean(path.name)
    try:
        status = path.lstat()
        if not stat.S_ISREG(status.st_mode):
            return refused(name, "This is a link, a folder or a device. Hand in a file.")
        if status.st_size > limits.max_file_bytes:
            return refused(name, too_large(status.st_size, limits))
        with path.open("rb") as stream:
            data = stream.read(limits.max_file_bytes + 1)
    except (OSError, ValueError) as error:  # ValueError: a name with a zero byte
        return refused(
            name, f"The file cannot be read ({clean(str(error))}). Check it and its permissions."
        )
    return _read(path.name, data, Reading(Budget(limits), UNKNOWN_ANNOTATOR, images), path)


def read_bytes(
    name: str,
    data: bytes,
    limits: Limits,
    annotator: str = UNKNOWN_ANNOTATOR,
    images: KnownImages = ANY_IMAGE,
) -> Batch:
    """Read an export that is already in memory, as `read_export` does.

    Args:
      name: the file's name.
      data: its content.
      limits: what it may cost.
      annotator: who labeled it, if the format does not say.
      images: as for `read_export`.
    """
    return _read(name, data, Reading(Budget(limits), annotator, images))


def _read(name: str, data: bytes, reading: Reading, path: Path | None = None) -> Batch:
    """Read a file; `path` is where it is, if tables of classes may be beside it."""
    shown = clean(name)
    limits, images = reading.budget.limits, reading.images
    if len(data) > limits.max_file_bytes:
        return refused(shown, too_large(len(data), limits))
    if is_zip(data):
        batch = guarded(shown, lambda: read_zip(shown, data, reading))
    else:
        batch = guarded(
            shown, lambda: read_one(name, data, reading, class_tables.beside_file(path))
        )
    if batch == Batch():
        return refused(shown, NO_ANNOTATIONS)
    return _resolved(batch, images)


def _resolved(batch: Batch, images: KnownImages) -> Batch:
    """Return a batch with the ids of known images, where names were changed on the way."""
    annotations, refusals = [], list(batch.refusals)
    for annotation in batch.annotations:
        try:
            image_id = images.resolve(annotation.image_id)
        except AnnotationError as error:
            refusals.append(Refusal(annotation.source, str(error)))
        else:
            annotations.append(replace(annotation, image_id=image_id))
    return Batch(tuple(annotations), batch.skipped, tuple(refusals))


def too_large(size: int, limits: Limits) -> str:
    """Return the reason for which a file of this size is rejected."""
    return (
        f"The file has {size // MIB:,} MiB; at most {limits.max_file_bytes // MIB:,} MiB are "
        "accepted. Split the export."
    )
