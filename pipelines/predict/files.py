"""The files of `streetloop predict`: find the images, write the results."""

from __future__ import annotations

import os
import re
import zipfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import BinaryIO

from components.contracts.process.errors import StreetloopError, UsageError
from components.contracts.process.files import replace
from pipelines.predict.view import Size

_ENDINGS = {".png", ".jpg", ".jpeg"}
_IMAGE = "_leftImg8bit"
_CITYSCAPES = re.compile(r"[A-Za-z-]+_\d{6}_\d{6}")  # city, sequence, frame
_TEST_IMAGES, _TEST_SIZE = 1525, (1024, 2048)  # of the Cityscapes test set


def images_in(folder: Path, targets: Sequence[Path]) -> dict[str, Path]:
    """Return the images of a folder and its subfolders, sorted by path: stem of the result -> image.

    Args:
      folder: of the images.
      targets: folders of results; what an earlier run left there is not an input.

    Raises:
      UsageError: `folder` is not a folder, or results would be written among the images.
      StreetloopError: there is no image, or the results of two would have the same name.
    """
    if not folder.is_dir():
        raise UsageError(f"Image folder not found: {folder}.")
    own = [target.resolve() for target in targets]
    if folder.resolve() in own:
        raise UsageError(
            f"Results cannot go to the folder of the images, {folder}: the next run would read them as "
            "images. Name another folder."
        )
    below = [target for target in own if target.is_relative_to(folder.resolve())]
    found: dict[str, Path] = {}
    for path in sorted(p for p in folder.rglob("*") if p.suffix.lower() in _ENDINGS):
        if any(path.resolve().is_relative_to(target) for target in below):
            continue
        stem = path.stem.removesuffix(_IMAGE)
        if stem in found:
            raise StreetloopError(
                f"Two images with the same name: {path} and {found[stem]} would both become "
                f"{stem}_labelIds.png. Rename one."
            )
        found[stem] = path
    if not found:
        raise StreetloopError(f"No PNG or JPEG images in {folder}.")
    return found


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
        f"The Cityscapes server will reject this zip: it has {len(sizes)} label maps, {other} of another "
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
