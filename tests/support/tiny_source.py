"""Tiny data sets in the Cityscapes layout; a test can name every file of them."""

from __future__ import annotations

import zipfile
from pathlib import Path

import cv2
import numpy as np

LABEL_IDS = np.array([7, 8, 11, 21, 23, 26], np.uint8)  # of the masks


def image_of(seed: int, size: tuple[int, int]) -> np.ndarray:
    """Return noise: uint8 [H, W, 3]."""
    return np.random.default_rng(seed).integers(0, 256, (*size, 3), np.uint8)


def mask_of(seed: int, size: tuple[int, int]) -> np.ndarray:
    """Return label ids in blocks of 8 pixels: uint8 [H, W]."""
    blocks = np.random.default_rng([seed, 1]).choice(
        LABEL_IDS, (size[0] // 8 + 1, size[1] // 8 + 1)
    )
    return blocks.repeat(8, 0).repeat(8, 1)[: size[0], : size[1]]


def write_item(
    root: Path,
    image_id: str,
    split: str = "train",
    size: tuple[int, int] = (40, 56),
    ending: str = "png",
    mask: bool = True,
) -> None:
    """Write one image and its mask; both follow from the id. `split` may be empty."""
    seed = sum(image_id.encode())
    city = image_id.partition("_")[0]
    image = root / "leftImg8bit" / split / city / f"{image_id}_leftImg8bit.{ending}"
    label = root / "gtFine" / split / city / f"{image_id}_gtFine_labelIds.png"
    image.parent.mkdir(parents=True, exist_ok=True)
    image.write_bytes(
        cv2.imencode(f".{ending.lower()}", image_of(seed, size)[..., ::-1])[1].tobytes()
    )
    if mask:
        label.parent.mkdir(parents=True, exist_ok=True)
        label.write_bytes(cv2.imencode(".png", mask_of(seed, size))[1].tobytes())


def zip_up(root: Path, top: str, archive: Path, below: str = "") -> None:
    """Pack the folder `top` of a data set into a zip, below the folder `below`."""
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as file:
        for path in sorted((root / top).rglob("*.*")):
            file.write(path, f"{below}{path.relative_to(root)}")
