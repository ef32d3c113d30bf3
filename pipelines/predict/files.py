"""The files of `streetloop predict`: which images it reads, and how its results are written."""

from __future__ import annotations

import os
import re
import zipfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import BinaryIO

from components.contracts.process.errors import StreetloopError, UsageError
from components.contracts.process.files import replace

_ENDINGS = {".png", ".jpg", ".jpeg"}
_IMAGE = "_leftImg8bit"
_CITYSCAPES = re.compile(r"[A-Za-z-]+_\d{6}_\d{6}")  # city, sequence, frame
_TEST_IMAGES, _TEST_SIZE = 1525, (1024, 2048)  # of the Cityscapes test set


def images_in(folder: Path, targets: Sequence[Path]) -> dict[str, Path]:
    """The images of a folder and its subfolders, sorted by path: the results' stem -> the image.

    Args:
      folder: where images are.
      targets: folders of results; what an earlier run left there is no input.

    Raises:
      UsageError: `folder` is none, or results would lie between the images.
      StreetloopError: there is no image, or two would have one result's name.
    """
    if not folder.is_dir():
        raise UsageError(f"Expected a folder of images; {folder} is none.")
    own = [target.resolve() for target in targets]
    if folder.resolve() in own:
        raise UsageError(
            f"Expected results in another folder than the images; both are {folder}, and the next "
            "run would read the results as images. Name another folder."
        )
    below = [target for target in own if target.is_relative_to(folder.resolve())]
    found: dict[str, Path] = {}
    for path in sorted(p for p in folder.rglob("*") if p.suffix.lower() in _ENDINGS):
        if any(path.resolve().is_relative_to(target) for target in below):
            continue
        stem = path.stem.removesuffix(_IMAGE)
        if stem in found:
            raise StreetloopError(
                f"Expected one image a name; {path} and {found[stem]} would both become "
                f"{stem}_labelIds.png. Rename one."
            )
        found[stem] = path
    if not found:
        raise StreetloopError(f"Expected PNG or JPEG images in {folder}; found none.")
    return found


def check_submission(archive: Path, stems: Sequence[str]) -> None:
    """UsageError, before anything is predicted, if the Cityscapes server could not take the zip."""
    if archive.is_dir():
        raise UsageError(f"Expected --submission to name a zip file; {archive} is a folder.")
    strange = [stem for stem in stems if not _CITYSCAPES.fullmatch(stem)]
    if strange:
        raise UsageError(
            "Expected images named <city>_<6 digits>_<6 digits>_leftImg8bit.png, by which the "
            f"Cityscapes server finds their labels; {strange[0]} (of {len(strange)}) is not. Leave "
            "--submission out, or give the images of leftImg8bit/test."
        )


def submission_doubts(sizes: Sequence[tuple[int, ...]]) -> str | None:
    """Why the Cityscapes server will refuse label maps of these sizes; None if it should not.

    It wants a label map of every image of its test set, each at its image's size.
    """
    other = sum(size != _TEST_SIZE for size in sizes)
    if len(sizes) == _TEST_IMAGES and not other:
        return None
    height, width = _TEST_SIZE
    return (
        f"The Cityscapes server takes {_TEST_IMAGES} label maps of {height}x{width} pixels; this zip "
        f"has {len(sizes)}, {other} of another size, and will be refused."
    )


def make_folder(folder: Path) -> None:
    """Makes a folder and its parents; StreetloopError if that cannot be, or nothing may go there."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StreetloopError(
            f"Expected to make the folder {folder}; {error.strerror}. Name another place."
        ) from error
    if not os.access(folder, os.W_OK | os.X_OK):
        raise StreetloopError(
            f"Expected to write into the folder {folder}; it may not be written. Name another place."
        )


def write(path: Path, data: bytes) -> None:
    """Replaces a file as a whole; StreetloopError if the disk does not take it."""
    _replace(path, lambda file: file.write(data))


def write_zip(path: Path, files: Sequence[Path]) -> None:
    """Packs files, by their names alone, into a zip; it is there whole or not at all."""

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
            f"Expected to write {path}; {error.strerror}. Make room or name another place, and run "
            "this again."
        ) from error
