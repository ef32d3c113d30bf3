"""Read any annotation format: the content decides which it is, not the file name."""

from __future__ import annotations

import stat
from collections.abc import Callable
from functools import partial
from pathlib import Path, PurePosixPath
from typing import Any

from components.contracts.annotation import cityscapes_polygons, cvat, label_studio, png, png_mask
from components.contracts.annotation.archive import Archive
from components.contracts.annotation.fields import (
    UNKNOWN_ANNOTATOR,
    clean,
    image_id_of_file,
    parse_json,
    quote,
)
from components.contracts.annotation.limits import MIB, Budget, Limits
from components.contracts.annotation.model import AnnotationError, Batch, join, refused

_ZIP_STARTS = (b"PK\x03\x04", b"PK\x05\x06")
_FORMATS = (
    "Expected a Label Studio JSON export, a CVAT zip (Segmentation mask 1.1), Cityscapes polygons "
    "(JSON), PNG masks, or a zip of these."
)
_NO_ANNOTATIONS = "This file holds no finished annotations. Submit some, then export again."
# Of several views of one image in a folder of a zip, the first that can be read counts.
_VIEWS = ("_labelids.png", "trainids.png", ".json", ".png")


def read_export(path: Path, limits: Limits, annotator: str = UNKNOWN_ANNOTATOR) -> Batch:
    """Read an annotation export, whatever its format. Never raises.

    Args:
      path: the file; a link, a folder or a pipe is rejected.
      limits: what it may cost.
      annotator: who labeled it, if the format does not say.

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
    return read_bytes(path.name, data, limits, annotator)


def read_bytes(name: str, data: bytes, limits: Limits, annotator: str = UNKNOWN_ANNOTATOR) -> Batch:
    """Read an export that is already in memory, as `read_export` does; `name` is the file's name."""
    shown = clean(name)
    if len(data) > limits.max_file_bytes:
        return refused(shown, too_large(len(data), limits))
    budget = Budget(limits)
    if data.startswith(_ZIP_STARTS):
        batch = _guarded(shown, lambda: _read_zip(shown, data, budget, annotator))
    else:
        batch = _guarded(shown, lambda: _read_one(name, data, budget, annotator))
    if batch == Batch():
        return refused(shown, _NO_ANNOTATIONS)
    return batch


def _guarded(name: str, read: Callable[[], Batch]) -> Batch:
    """Run one reader; any error in it becomes a refusal of its part alone."""
    try:
        return read()
    except AnnotationError as error:
        return refused(name, error)
    except Exception as error:  # a stranger's file must not stop the others
        return refused(
            name,
            f"Reading this file failed ({type(error).__name__}). This is a fault of the reader, too: "
            f"please report it with the file. {_FORMATS}",
        )


def _read_one(name: str, data: bytes, budget: Budget, annotator: str) -> Batch:
    if not data:
        raise AnnotationError("The file is empty. Its copy may not be complete: copy it again.")
    if data.startswith(png.SIGNATURE[:4]):
        annotation = png_mask.read(name, data, budget, annotator)
        return Batch(annotations=(annotation,))
    start = data.removeprefix(b"\xef\xbb\xbf").lstrip()[:1]
    if start in (b"[", b"{") or data[:2] in (b"\xff\xfe", b"\xfe\xff") or _ends(name, ".json"):
        return _read_json(name, parse_json(data), budget, annotator)
    if _ends(name, ".jpg", ".jpeg", ".webp"):
        raise AnnotationError("This image format blurs labels. Export the masks as PNG.")
    if data.startswith(_ZIP_STARTS):
        raise AnnotationError("This is a zip in a zip. Unpack it and hand in its content.")
    raise AnnotationError(f"The format of this file is unknown. {_FORMATS}")


def _read_json(name: str, value: Any, budget: Budget, annotator: str) -> Batch:
    if isinstance(value, list):
        return label_studio.read(clean(name), value, budget)
    if cityscapes_polygons.is_polygons(value):
        return Batch(annotations=(cityscapes_polygons.read(name, value, budget, annotator),))
    if isinstance(value, dict) and "data" in value:
        return label_studio.read(clean(name), [value], budget)
    if isinstance(value, dict) and "categories" in value:
        raise AnnotationError(f"COCO files do not say which object is in front. {_FORMATS}")
    raise AnnotationError(f"The JSON holds {quote(value)} and no annotations. {_FORMATS}")


def _read_zip(name: str, data: bytes, budget: Budget, annotator: str) -> Batch:
    archive = Archive(name, data, budget.limits)
    batches = [Batch(refusals=tuple(archive.refusals))]
    roots = cvat.roots(archive.names)
    for root in roots:
        read = partial(cvat.read, archive, root, budget, annotator)
        batches.append(_guarded(archive.label(root), read))
    rest = [m for m in archive.names if not any(cvat.belongs(m, root) for root in roots)]
    if any(PurePosixPath(member).name == "label_colors.txt" for member in rest):
        raise AnnotationError(
            "CVAT's Cityscapes export numbers the classes in its own way (label_colors.txt). Export "
            "the task as Segmentation mask 1.1."
        )
    for members in _views(rest):
        for member in members:
            batch = _read_member(archive, member, budget, annotator)
            batches.append(batch)
            if not batch.refusals:
                break
    return join(batches)


def _read_member(archive: Archive, member: str, budget: Budget, annotator: str) -> Batch:
    source = archive.label(member)

    def read() -> Batch:
        if _ends(member, "_instanceids.png"):
            raise AnnotationError("This mask numbers objects, not classes. Add _labelIds.png.")
        return _read_one(f"{archive.name}/{member}", archive.read(member), budget, annotator)

    batch = _guarded(source, read)
    if batch == Batch():
        return refused(source, _NO_ANNOTATIONS)
    return batch


def _views(members: list[str]) -> list[list[str]]:
    """Group the files of one image in one folder, such as a benchmark's ids, polygons and colours.

    They are views of one annotation and must count once.
    """
    groups: dict[tuple[str, str], list[str]] = {}
    for member in members:
        try:
            image_id = image_id_of_file(member)
        except AnnotationError:
            image_id = member
        groups.setdefault((member.rpartition("/")[0], image_id), []).append(member)
    return [sorted(group, key=_rank) for group in groups.values()]


def _rank(member: str) -> tuple[int, str]:
    if _ends(member, "_instanceids.png"):
        return len(_VIEWS) + 1, member
    ranks = (i for i, end in enumerate(_VIEWS) if _ends(member, end))
    return next(ranks, len(_VIEWS)), member


def _ends(name: str, *ends: str) -> bool:
    return name.lower().endswith(ends)


def too_large(size: int, limits: Limits) -> str:
    """Return the reason for which a file of this size is rejected."""
    return (
        f"The file has {size // MIB:,} MiB; at most {limits.max_file_bytes // MIB:,} MiB are "
        "accepted. Split the export."
    )
