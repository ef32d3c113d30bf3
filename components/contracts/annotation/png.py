"""Read PNG files that may be broken or hostile.

The header is checked first, for the size; then the checksums and the exact amount of data. OpenCV
decodes only a file that is rebuilt from the chunks that matter: on its own, it returns a truncated
file half black.
"""

from __future__ import annotations

import struct
import zlib
from dataclasses import dataclass

import cv2
import numpy as np

from components.contracts.annotation.limits import Budget
from components.contracts.annotation.model import AnnotationError

SIGNATURE = b"\x89PNG\r\n\x1a\n"
_GRAY, _RGB, _PALETTE = 0, 2, 3
_CHANNELS = {_GRAY: 1, _RGB: 3, _PALETTE: 1, 4: 2, 6: 4}
_DEPTHS = {_GRAY: (1, 2, 4, 8, 16), _PALETTE: (1, 2, 4, 8)}
_AGAIN = "Export it again, or save it as PNG with another program."


@dataclass(frozen=True)
class Header:
    """The first chunk of a PNG."""

    width: int
    height: int
    depth: int
    color_type: int

    @property
    def is_color(self) -> bool:
        """Whether pixels are colours; those of a palette or a gray image can be ids."""
        return self.color_type in (_RGB, 6)

    @property
    def has_palette(self) -> bool:
        """Whether pixels are places in a palette: ids that a viewer shows in colours."""
        return self.color_type == _PALETTE


class Png:
    """A PNG whose header and chunks are valid; `ids` and `colors` decode its pixels."""

    def __init__(self, data: bytes, budget: Budget) -> None:
        """Check a file; AnnotationError if it is broken, too large, or of an unusual kind."""
        self._chunks = _chunks(data)
        self.header = _header(self._chunks[0][1])
        budget.check(self.header.height, self.header.width)
        self._pixels = b"".join(body for kind, body in self._chunks if kind == b"IDAT")
        self._check_pixels()

    def ids(self) -> np.ndarray | None:
        """Return the pixels as numbers: uint8 or uint16 [H, W]; of a palette image, the places.

        None if the pixels are colours whose red, green and blue differ.
        """
        if self.header.is_color or self.header.color_type not in _DEPTHS:
            pixels = self._decode(self.header.color_type)
            gray: np.ndarray = pixels[..., 0]
            return gray if (pixels[..., :3] == gray[..., None]).all() else None
        pixels = self._decode(_GRAY)
        # libpng spreads 1, 2 and 4 bits over 0..255 when it reads them as gray.
        spread = 255 // (2**self.header.depth - 1) if self.header.depth < 8 else 1
        return pixels // spread

    def colors(self) -> np.ndarray:
        """Return the pixels as a viewer shows them: uint8 [H, W, 3], RGB."""
        pixels = self._decode(self.header.color_type)
        if pixels.dtype == np.uint16:
            pixels = (pixels >> 8).astype(np.uint8)
        if pixels.ndim == 2:
            return np.repeat(pixels[..., None], 3, axis=-1)
        return np.ascontiguousarray(pixels[..., 2::-1])

    def _check_pixels(self) -> None:
        header = self.header
        bits = header.depth * _CHANNELS[header.color_type]
        row = 1 + (header.width * bits + 7) // 8  # each row begins with its filter
        expected = row * header.height
        try:
            stream = zlib.decompressobj()
            raw = stream.decompress(self._pixels, expected + 1)
        except zlib.error as error:
            raise AnnotationError(f"The pixels of the PNG are damaged. {_AGAIN}") from error
        if len(raw) != expected:
            raise AnnotationError(
                f"The PNG holds {'more' if len(raw) > expected else 'less'} data than its "
                f"{header.width}x{header.height} pixels need. {_AGAIN}"
            )
        if max(raw[::row]) > 4:
            raise AnnotationError(f"The rows of the PNG are damaged. {_AGAIN}")

    def _decode(self, color_type: int) -> np.ndarray:
        header = self.header
        first = struct.pack(
            ">IIBBBBB", header.width, header.height, header.depth, color_type, 0, 0, 0
        )
        chunks = [(b"IHDR", first)]
        if color_type == _PALETTE:
            chunks += [(kind, body) for kind, body in self._chunks if kind == b"PLTE"]
        chunks += [(b"IDAT", self._pixels), (b"IEND", b"")]
        plain = SIGNATURE + b"".join(
            struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
            for kind, body in chunks
        )
        try:
            pixels: np.ndarray | None = cv2.imdecode(
                np.frombuffer(plain, np.uint8), cv2.IMREAD_UNCHANGED
            )
        except cv2.error:
            pixels = None
        if pixels is None or pixels.shape[:2] != (header.height, header.width):
            raise AnnotationError(f"The PNG cannot be decoded. {_AGAIN}")
        return pixels


def _chunks(data: bytes) -> list[tuple[bytes, bytes]]:
    """Return the checked chunks (kind, content) up to the end mark; the first is the header."""
    if not data.startswith(SIGNATURE):
        raise AnnotationError(f"The file is not a PNG. {_AGAIN}")
    chunks = []
    at = len(SIGNATURE)
    while at + 12 <= len(data):
        (length,) = struct.unpack_from(">I", data, at)
        kind = data[at + 4 : at + 8]
        body = data[at + 8 : at + 8 + length]
        end = at + 12 + length
        if end > len(data):
            break
        if zlib.crc32(kind + body) != struct.unpack_from(">I", data, end - 4)[0]:
            raise AnnotationError(f"A checksum in the PNG is wrong. {_AGAIN}")
        chunks.append((kind, body))
        if kind == b"IEND":
            if chunks[0][0] != b"IHDR" or len(chunks[0][1]) != 13:
                raise AnnotationError(f"The PNG does not begin with its header. {_AGAIN}")
            return chunks
        at = end
    raise AnnotationError(f"The PNG is cut off. {_AGAIN}")


def _header(body: bytes) -> Header:
    width, height, depth, color_type, compression, filters, interlace = struct.unpack(
        ">IIBBBBB", body
    )
    known = depth in _DEPTHS.get(color_type, (8, 16)) and color_type in _CHANNELS
    if not known or compression or filters or interlace > 1:
        raise AnnotationError(f"The header of the PNG is damaged. {_AGAIN}")
    if interlace:
        raise AnnotationError("The PNG is interlaced. Save it without interlacing.")
    return Header(width, height, depth, color_type)
