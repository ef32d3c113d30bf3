"""The files of `streetloop predict`: find the images, write the results."""

from __future__ import annotations

import os
import re
import zipfile
from collections.abc import Callable, Sequence
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, BinaryIO, NamedTuple

from components.contracts.process.errors import StreetloopError, UsageError
from components.contracts.process.files import replace
from components.contracts.process.words import counted
from pipelines.predict.view import Size
from tfds_cityscapes.files import (
    UNREADABLE,
    File,
    Skipped,
    SourceError,
    Walk,
    summarize,
    walk_folder,
    walk_zip,
    why_not_an_image,
)
from tfds_cityscapes.layout import is_label_map
from tfds_cityscapes.photos import decode_image

if TYPE_CHECKING:
    import numpy as np

_IMAGE = "_leftImg8bit"
_CITYSCAPES = re.compile(r"[A-Za-z-]+_\d{6}_\d{6}")  # city, sequence, frame
_TEST_IMAGES, _TEST_SIZE = 1525, (1024, 2048)  # of the Cityscapes test set


class Photos(NamedTuple):
    """What a folder or a zip of photos holds.

    Attributes:
      files: stem of the result -> the photo, sorted by name.
      notes: sentences that say what is not read, and why.
    """

    files: dict[str, File]
    notes: list[str]


def photos_in(place: Path, targets: Sequence[Path]) -> Photos:
    """List the photos of a folder and its subfolders, or of a zip.

    Args:
      place: the folder or zip.
      targets: folders of results; what an earlier run left there is not an input.

    Raises:
      UsageError: `place` is neither, or results would be written among the photos.
      StreetloopError: there is no photo, or the results of two would have the same name.
    """
    files, skipped = _listed(place)
    own = [target.resolve() for target in targets]
    if place.resolve() in own:
        raise UsageError(
            f"Results cannot go to the folder of the images, {place}: the next run would read them as "
            "images. Name another folder."
        )
    below = [target for target in own if target.is_relative_to(place.resolve())]
    found: dict[str, list[File]] = {}
    for file in files:
        if below and any(file.path.resolve().is_relative_to(target) for target in below):
            continue
        if reason := why_not_an_image(file.name) or _why_not_a_photo(file.name):
            skipped.append(Skipped(file.name, reason))
            continue
        found.setdefault(PurePosixPath(file.name).stem.removesuffix(_IMAGE), []).append(file)
    notes = summarize(skipped)
    if not found:
        raise StreetloopError(
            f"No images in {place}. {' '.join([*notes, ''])}Expected PNG, JPEG, WebP, BMP or TIFF files."
        )
    if same := {stem: files for stem, files in found.items() if len(files) > 1}:
        stem, files = next(iter(same.items()))
        names = " and ".join(file.name for file in files)
        raise StreetloopError(
            f"{counted(len(same), 'name')} {'occurs' if len(same) == 1 else 'occur'} more than once: "
            f"{names} would all become {stem}_labelIds.png. Rename all but one."
        )
    return Photos({stem: file for stem, (file,) in found.items()}, notes)


def _listed(place: Path) -> Walk:
    if place.is_dir():
        return walk_folder(place)
    if not place.exists():
        raise UsageError(f"Image folder not found: {place}.")
    try:
        return walk_zip(place)
    except UNREADABLE as error:
        raise UsageError(
            f"Not a folder of images, nor a zip: {place}. Pass the folder that holds it."
        ) from error


def _why_not_a_photo(name: str) -> str | None:
    return "it is named as a label map, not as a photo" if is_label_map(name) else None


def read_photo(file: File) -> np.ndarray:
    """Read and decode a photo: uint8 [H, W, 3], RGB. SourceError if that fails."""
    try:
        data = file.read()
    except UNREADABLE as error:
        raise SourceError(f"{file.name} cannot be read: {error}.") from error
    return decode_image(file.name, data)


def check_submission(archive: Path, stems: Sequence[str]) -> None:
    """Raise UsageError if the Cityscapes server could not accept the zip."""
    if archive.is_dir():
        raise UsageError(f"--submission is a folder, not a zip file: {archive}.")
    strange = [stem for stem in stems if not _CITYSCAPES.fullmatch(stem)]
    if strange:
        raise UsageError(
            f"{strange[0]} (of {len(strange)}) is not named "
            "<city>_<6 digits>_<6 digits>_leftImg8bit.png, by which the Cityscapes server finds an "
            "image's labels. Leave --submission out, or give the images of leftImg8bit/test."
        )


def submission_doubts(sizes: Sequence[Size]) -> str | None:
    """Explain why the Cityscapes server will reject label maps of these sizes; None if it should not.

    It expects a label map of every image of its test set, each at its image's size.
    """
    other = sum(size != _TEST_SIZE for size in sizes)
    if len(sizes) == _TEST_IMAGES and not other:
        return None
    height, width = _TEST_SIZE
    return (
        f"The Cityscapes server will reject this zip: it has {counted(len(sizes), 'label map')}, {other} of another "
        f"size. Expected {_TEST_IMAGES} label maps of {height}x{width} pixels."
    )


def make_folder(folder: Path) -> None:
    """Make a folder and its parents; StreetloopError if that fails, or it is not writable."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StreetloopError(
            f"Cannot make the folder {folder}: {error.strerror}. Name another place."
        ) from error
    if not os.access(folder, os.W_OK | os.X_OK):
        raise StreetloopError(f"The folder {folder} is not writable. Name another place.")


def write(path: Path, data: bytes) -> None:
    """Replace a file atomically; StreetloopError if it cannot be written."""
    _replace(path, lambda file: file.write(data))


def write_zip(path: Path, files: Sequence[Path]) -> None:
    """Pack files, without their folders, into a zip that appears atomically."""

    def pack(file: BinaryIO) -> None:
        with zipfile.ZipFile(file, "w") as archive:
            for member in files:
                archive.write(member, member.name)

    _replace(path, pack)


def _replace(path: Path, fill: Callable[[BinaryIO], object]) -> None:
    try:
        replace(path, fill)
    except OSError as error:
        raise StreetloopError(
            f"Cannot write {path}: {error.strerror}. Make room or name another place, and run this "
            "again."
        ) from error
