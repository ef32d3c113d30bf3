"""Read the small PNG files inside of JSON, in Base64, that mark the pixels of one object."""

from __future__ import annotations

import base64
import binascii
import io
import re
import struct
from typing import Literal

import numpy as np
from PIL import Image

from components.contracts.annotation.model import AnnotationError

_DAMAGED = "The mask of an object is not a PNG in Base64, or it is damaged. Export it again."


def marked(value: object, height: int, width: int, channel: Literal["A", "L"]) -> np.ndarray:
    """Return the pixels of a mask that are marked: bool [height, width].

    Args:
      value: the PNG in Base64, with or without `data:image/png;base64,` before it.
      height: that the mask must have.
      width: that the mask must have.
      channel: what marks a pixel: "A", that it is not transparent, or "L", that it is not black.

    Raises:
      AnnotationError: the text is not a PNG, or the mask has another size or no such channel.
    """
    if not isinstance(value, str):
        raise AnnotationError(_DAMAGED)
    try:
        data = base64.b64decode(re.sub(r"^data:[^,]{0,80},", "", value), validate=True)
        size = struct.unpack_from(">II", data, 16)  # in the header, before anything is allocated
        if data.startswith(b"\x89PNG") and size != (width, height):
            raise AnnotationError(
                f"The mask of an object has {size[0]}x{size[1]} pixels (width x height); "
                f"{width}x{height} were expected. Label the image again."
            )
        with Image.open(io.BytesIO(data), formats=["PNG"]) as image:
            if channel == "A" and not image.has_transparency_data:
                raise AnnotationError(
                    "The mask of an object has no transparent background, so that nothing tells the "
                    "object from it. Expected black pixels on transparent ones, as Label Studio "
                    "writes them."
                )
            pixels = image.convert("RGBA")
    except (binascii.Error, struct.error, ValueError, OSError, SyntaxError) as error:
        raise AnnotationError(_DAMAGED) from error
    values = pixels.getchannel("A") if channel == "A" else pixels.convert("L")
    marks: np.ndarray = np.asarray(values) > 0
    return marks
