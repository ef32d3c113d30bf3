"""Decode photos: one decoder for data sets and for what people predict.

OpenCV decodes, from memory: its decoder of files fills what a cut off JPEG lacks with grey.
"""

from __future__ import annotations

import io
import warnings

import cv2
import numpy as np
from PIL import Image, UnidentifiedImageError

from tfds_cityscapes.files import SourceError

MAX_PIXELS = 2**27  # 134 megapixels, 400 MB as RGB; a damaged header can ask for any amount
_KINDS = ("PNG", "JPEG", "WEBP", "BMP", "TIFF", "GIF", "AVIF")
# What else is found under the name of an image: how it begins, and what to do about it.
_OTHERS = (
    (b"version https://git-lfs", "it is a pointer of Git LFS; fetch the file with `git lfs pull`"),
    (b"<", "it is a web page or an SVG; download the image itself"),
    (b"{", "it is JSON; download the image itself"),
)


def decode_image(name: str, data: bytes) -> np.ndarray:
    """Decode a photo, turned upright as its EXIF orientation says.

    Grey, palette and CMYK become RGB, 16 bits become 8, and alpha is dropped.

    Args:
      name: of the file, for messages.
      data: its content.

    Returns:
      uint8 [H, W, 3], RGB.

    Raises:
      SourceError: it is no image, it is cut off or damaged, or it has more than MAX_PIXELS.
    """
    mode = _check_header(name, data)
    before = cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_SILENT)  # names no file
    try:
        image = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR_RGB)
    except cv2.error:
        image = None
    finally:
        cv2.utils.logging.setLogLevel(before)
    if image is None:
        why = "it is cut off or damaged"
        if mode in ("F", "I"):
            why = "its pixels have 32 bits; convert it to 8 or 16 bits"
        raise SourceError(f"{name} cannot be decoded: {why}.")
    return image


def _check_header(name: str, data: bytes) -> str:
    """Return the mode that the header states; SourceError if the file should not be decoded."""
    if not data:
        raise SourceError(f"{name} cannot be decoded: it is empty.")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            with Image.open(io.BytesIO(data), formats=_KINDS) as image:
                (width, height), mode = image.size, image.mode
    except Image.DecompressionBombError:
        width, height, mode = MAX_PIXELS, MAX_PIXELS, ""
    except UnidentifiedImageError as error:
        raise SourceError(f"{name} cannot be decoded: {_describe(data)}.") from error
    except (OSError, SyntaxError, ValueError) as error:
        raise SourceError(f"{name} cannot be decoded: its header is damaged ({error}).") from error
    if width * height > MAX_PIXELS:
        raise SourceError(
            f"{name} is too large: its header states more than {MAX_PIXELS // 10**6} megapixels. Cut it "
            "into parts, or shrink it."
        )
    return mode


def _describe(data: bytes) -> str:
    if data[4:8] == b"ftyp" and data[8:12] in (b"heic", b"heix", b"mif1", b"msf1", b"hevc"):
        return "it is a HEIC photo, whatever its name says; convert it to PNG or JPEG"
    start = data[:64].lstrip(b"\xef\xbb\xbf \r\n\t")
    known = (why for begin, why in _OTHERS if start.startswith(begin))
    return next(known, "it is not an image. Expected PNG, JPEG, WebP, BMP or TIFF")
