"""One entrance for all formats: looks at what a file is, not at what it is called."""

from __future__ import annotations

import stat
from collections.abc import Callable
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
    "a Label Studio JSON export, a CVAT zip (Segmentation mask 1.1), Cityscapes polygons (JSON), "
    "PNG masks, or a zip of these"
)
# Of several views of one image in a folder of a zip, the first that can be read counts.
_VIEWS = ("_labelids.png", "trainids.png", ".json", ".png")


def read_export(path: Path, limits: Limits, annotator: str = UNKNOWN_ANNOTATOR) -> Batch:
    """Reads an annotation export, whatever its format. It raises nothing.

    Args:
      path: the file; a link, a folder or a pipe is refused.
      limits: what it may cost.
      annotator: who made it, where the format does not say.

    Returns:
      What could be read, and a refusal with its reason for every part that could not. If there
      is nothing in the file at all, that is a refusal too.
    """
    name = clean(path.name)
    try:
        status = path.lstat()
        if not stat.S_ISREG(status.st_mode):
            return refused(name, "Expected a file; this is a link, a folder or a device.")
        if status.st_size > limits.max_file_bytes:
            return refused(name, too_large(status.st_size, limits))
        with path.open("rb") as stream:
            data = stream.read(limits.max_file_bytes + 1)
    except (OSError, ValueError) as error:  # ValueError: a name with a zero byte
        return refused(name, f"Expected a file that can be read; {clean(str(error))}.")
    return read_bytes(path.name, data, limits, annotator)


def read_bytes(name: str, data: bytes, limits: Limits, annotator: str = UNKNOWN_ANNOTATOR) -> Batch:
    """As `read_export`, for content that is in memory already; `name` is the file's name."""
    shown = clean(name)
    if len(data) > limits.max_file_bytes:
        return refused(shown, too_large(len(data), limits))
    budget = Budget(limits)
    if data.startswith(_ZIP_STARTS):
        batch = _guarded(shown, lambda: _read_zip(shown, data, budget, annotator))
    else:
        batch = _guarded(shown, lambda: _read_one(name, data, budget, annotator))
    if batch == Batch():
        return refused(
            shown, "Expected finished annotations; there is none in this file. Submit some first."
        )
    return batch


def _guarded(name: str, read: Callable[[], Batch]) -> Batch:
    """Runs one reader; whatever goes wrong in it becomes a refusal of its part alone."""
    try:
        return read()
    except AnnotationError as error:
        return refused(name, error)
    except Exception as error:  # a stranger's file must not stop the others
        return refused(
            name,
            f"Expected {_FORMATS}; reading this one failed ({type(error).__name__}). This is a "
            "fault of the reader too: please report it with the file.",
        )


def _read_one(name: str, data: bytes, budget: Budget, annotator: str) -> Batch:
    if not data:
        raise AnnotationError("Expected content; the file is empty. It may not be copied yet.")
    if data.startswith(png.SIGNATURE[:4]):
        annotation = png_mask.read(name, data, budget, annotator)
        return Batch(annotations=(annotation,))
    start = data.removeprefix(b"\xef\xbb\xbf").lstrip()[:1]
    if start in (b"[", b"{") or data[:2] in (b"\xff\xfe", b"\xfe\xff") or _ends(name, ".json"):
        return _read_json(name, parse_json(data), budget, annotator)
    if _ends(name, ".jpg", ".jpeg", ".webp"):
        raise AnnotationError("Expected a mask as PNG; this format blurs labels. Export PNG masks.")
    if data.startswith(_ZIP_STARTS):
        raise AnnotationError("Expected no zip in a zip. Unpack the inner one and add it itself.")
    raise AnnotationError(f"Expected {_FORMATS}; this is none of them.")


def _read_json(name: str, value: Any, budget: Budget, annotator: str) -> Batch:
    if isinstance(value, list):
        return label_studio.read(clean(name), value, budget)
    if cityscapes_polygons.is_polygons(value):
        return Batch(annotations=(cityscapes_polygons.read(name, value, budget, annotator),))
    if isinstance(value, dict) and "data" in value:
        return label_studio.read(clean(name), [value], budget)
    what = quote(value)
    if isinstance(value, dict) and "categories" in value:
        what = "COCO, which cannot tell which object lies in front"
    raise AnnotationError(f"Expected {_FORMATS}; got JSON that holds {what}.")


def _read_zip(name: str, data: bytes, budget: Budget, annotator: str) -> Batch:
    archive = Archive(name, data, budget.limits)
    batches = [Batch(refusals=tuple(archive.refusals))]
    roots = cvat.roots(archive.names)
    for root in roots:
        batches.append(
            _guarded(
                archive.label(root),
                lambda root=root: cvat.read(archive, root, budget, annotator),  # type: ignore[misc]
            )
        )
    rest = [m for m in archive.names if not any(cvat.belongs(m, root) for root in roots)]
    if any(PurePosixPath(member).name == "label_colors.txt" for member in rest):
        raise AnnotationError(
            "Expected masks with the benchmark's ids; CVAT's Cityscapes export numbers the classes "
            "its own way (label_colors.txt). Export it as Segmentation mask 1.1."
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
            raise AnnotationError("Expected classes; this mask numbers objects. Add _labelIds.png.")
        return _read_one(f"{archive.name}/{member}", archive.read(member), budget, annotator)

    batch = _guarded(source, read)
    if batch == Batch():
        batch = refused(source, "Expected finished annotations; there is none in this file.")
    return batch


def _views(members: list[str]) -> list[list[str]]:
    """Groups the files of one image in one folder, such as a benchmark's ids, polygons, colours.

    They are views of one labeling: counting each would make several of it.
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
    found = (i for i, end in enumerate(_VIEWS) if _ends(member, end))
    return next(found, len(_VIEWS)), member


def _ends(name: str, *ends: str) -> bool:
    return name.lower().endswith(ends)


def too_large(size: int, limits: Limits) -> str:
    """Why a file of this size is refused."""
    return (
        f"Expected a file of at most {limits.max_file_bytes // MIB:,} MiB; got "
        f"{size // MIB:,} MiB. Split the export."
    )
