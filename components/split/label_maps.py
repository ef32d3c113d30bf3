"""Finds the label maps in a plain folder, and reads them."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from components.contracts.annotation import class_tables, png_mask
from components.contracts.annotation.known import ANY_IMAGE, KnownImages
from components.contracts.annotation.limits import Budget, Limits
from components.contracts.annotation.model import AnnotationError
from components.contracts.process.errors import StreetloopError
from tfds_cityscapes.files import ending, walk_folder
from tfds_cityscapes.masks import BEST_FIRST, encoding_of_name, numbers_objects


def find(folder: Path, images: KnownImages = ANY_IMAGE) -> dict[str, Path]:
    """Find the label map of each image in a folder and its subfolders, by image id.

    Args:
      folder: of the label maps.
      images: those that are known; names that tools have changed, such as with `_` for a blank,
        resolve to them.

    Raises:
      StreetloopError: there is no label map, or two files of one kind are for the same image.
    """
    best: dict[str, tuple[int, Path]] = {}
    for path in (file.path for file in walk_folder(folder).files if ending(file.name) == ".png"):
        if numbers_objects(path.name):
            continue
        rank = BEST_FIRST.index(encoding_of_name(path.name))
        image_id = _image_id(path, images)
        before = best.get(image_id)
        if before is not None and before[0] == rank:
            raise StreetloopError(
                f"Two label maps for image {image_id}: {before[1]} and {path}. Remove one of them."
            )
        if before is None or rank < before[0]:
            best[image_id] = rank, path
    if not best:
        raise StreetloopError(
            f"No label maps found in {folder}. Expected <image_id>.png or <image_id>_*.png files."
        )
    return {image_id: path for image_id, (_, path) in sorted(best.items())}


def _image_id(path: Path, images: KnownImages) -> str:
    try:
        return images.resolve(images.id_of_mask(path.name))
    except AnnotationError as error:
        raise StreetloopError(f"{path}: {error}") from error


def read(path: Path) -> np.ndarray:
    """Read a label map: train ids, uint8 [H, W].

    A name without `_labelIds`, `_trainIds` or `_color` means train ids, as the feedback step writes
    them.

    Raises:
      StreetloopError: the file, which the message names, is broken or holds an unknown label.
    """
    try:
        data, table = path.read_bytes(), class_tables.beside_file(path)
        return png_mask.read_pixels(path.name, data, Budget(Limits()), "train_ids", table)
    except (AnnotationError, OSError) as error:
        raise StreetloopError(f"{path}: {error}") from error
