"""Read PNG files that may be broken or hostile, and what their pixels are: numbers or colours.

Every mask of this project is read here: people's labels, data sets, predictions that are scored. The
header is checked first, for the size; then the checksums and the exact amount of data. OpenCV decodes
only a file that is rebuilt from the chunks that matter: on its own, it returns a truncated file half
black, and lets a gamma chunk change numbers.

An optimizer stores the same gray image in other ways: with fewer bits, or as places in a palette of
grays. The numbers are therefore the gray levels that the PNG standard gives a pixel, whatever the way;
only a palette that is not of grays leaves the places themselves.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import cv2
import numpy as np

SIGNATURE = b"\x89PNG\r\n\x1a\n"
_GRAY, _RGB, _PALETTE, _GRAY_ALPHA, _RGB_ALPHA = 0, 2, 3, 4, 6
_CHANNELS = {_GRAY: 1, _RGB: 3, _PALETTE: 1, _GRAY_ALPHA: 2, _RGB_ALPHA: 4}
_DEPTHS = {_GRAY: (1, 2, 4, 8, 16), _PALETTE: (1, 2, 4, 8)}
# Adam7: first column and row, then the steps, of each pass (PNG standard, section 8.2).
_PASSES = (
    (0, 0, 8, 8),
    (4, 0, 8, 8),
    (0, 4, 4, 8),
    (2, 0, 4, 4),
    (0, 2, 2, 4),
    (1, 0, 2, 2),
    (0, 1, 1, 2),
)
_AGAIN = "Export it again, or save it as PNG with another program."
# First bytes of what people rename to .png.
_OTHERS = (
    (b"\xff\xd8\xff", "a JPEG"),
    (b"GIF8", "a GIF"),
    (b"BM", "a BMP"),
    (b"II*\0", "a TIFF"),
    (b"MM\0*", "a TIFF"),
    (b"RIFF", "a WebP"),
    (b"PK", "a zip"),
    (b"%PDF", "a PDF"),
)


class PngError(ValueError):
    """A file is not a readable PNG; the message says what is wrong and what to do."""


class Numbers(NamedTuple):
    """The pixels of an index map.

    Attributes:
      values: uint8 or uint16 [H, W].
      erased: bool [H, W], true where a pixel is fully transparent; None if none can be.
    """

    values: np.ndarray
    erased: np.ndarray | None


@dataclass(frozen=True)
class Header:
    """The first chunk of a PNG."""

    width: int
    height: int
    depth: int
    color_type: int
    interlaced: bool

    @property
    def is_color(self) -> bool:
        """Whether pixels are colours; those of a palette or a gray image can be ids."""
        return self.color_type in (_RGB, _RGB_ALPHA)


class Png:
    """A PNG whose header and chunks are valid; `numbers` and `colors` decode its pixels.

    Attributes:
      header: its size and kind.
      palette: uint8 [N, 3], RGB, of a palette image; else None.
    """

    def __init__(
        self, data: bytes, check_size: Callable[[int, int], None] = lambda height, width: None
    ) -> None:
        """Check a file.

        Args:
          data: the file.
          check_size: called with height and width before anything is allocated; may raise.

        Raises:
          PngError: the file is broken, or something else.
        """
        self._chunks = _chunks(data)
        self.header = _header(self._chunks[0][1])
        check_size(self.header.height, self.header.width)
        self._pixels = b"".join(body for kind, body in self._chunks if kind == b"IDAT")
        self._check_pixels()
        self.palette = self._read_palette()

    @cached_property
    def has_colored_palette(self) -> bool:
        """Whether pixels are places in a palette of colours, and not gray levels.

        An optimizer writes gray levels as a palette of grays, which may be in any order.
        """
        if self.palette is None:
            return False
        used = self.palette[np.unique(self.places()), 0]
        return not ((self.palette == self.palette[:, :1]).all() and len(set(used)) == len(used))

    def numbers(self) -> Numbers | None:
        """Return the pixels as numbers: gray levels; with a palette of colours, the places in it.

        None if the pixels are colours whose red, green and blue differ.
        """
        header = self.header
        if self.palette is not None:
            places = self.places()
            values = places if self.has_colored_palette else self.palette[places, 0]
            return Numbers(values, self._erased(places))
        pixels = self._decode(header.color_type)
        if header.color_type == _GRAY:
            return Numbers(pixels, self._erased(pixels))
        gray: np.ndarray = pixels[..., 0]
        if not (pixels[..., :3] == gray[..., None]).all():
            return None
        return Numbers(gray, self._erased(pixels))

    def places(self) -> np.ndarray:
        """Return the places in the palette: uint8 [H, W]."""
        pixels = self._decode(_GRAY)
        # libpng spreads 1, 2 and 4 bits over 0..255 when it reads them as gray.
        spread = 255 // (2**self.header.depth - 1) if self.header.depth < 8 else 1
        places: np.ndarray = pixels // spread
        assert self.palette is not None
        if int(places.max()) >= len(self.palette):
            raise PngError(f"The PNG names a colour that its palette lacks. {_AGAIN}")
        return places

    def colors(self) -> np.ndarray:
        """Return the pixels as a viewer shows them, without transparency: uint8 [H, W, 3], RGB."""
        if self.palette is not None:
            return self.palette[self.places()]
        pixels = self._decode(self.header.color_type)
        if pixels.dtype == np.uint16:
            pixels = (pixels >> 8).astype(np.uint8)
        if pixels.ndim == 2:
            return np.repeat(pixels[..., None], 3, axis=-1)
        return np.ascontiguousarray(pixels[..., 2::-1])

    def erased(self) -> np.ndarray | None:
        """Return where pixels are fully transparent, bool [H, W]; None if the file cannot say."""
        pixels = self._decode(self.header.color_type) if self.palette is None else self.places()
        return self._erased(pixels)

    def _erased(self, pixels: np.ndarray) -> np.ndarray | None:
        header = self.header
        if header.color_type in (_GRAY_ALPHA, _RGB_ALPHA):
            alpha: np.ndarray = pixels[..., -1] == 0
            return alpha
        body = next((body for kind, body in self._chunks if kind == b"tRNS"), None)
        if body is None:
            return None
        if header.color_type == _PALETTE:
            alphas = np.full(256, 255, np.uint8)
            alphas[: len(body)] = np.frombuffer(body[:256], np.uint8)
            transparent: np.ndarray = alphas[pixels] == 0
            return transparent
        samples = np.frombuffer(body[: 2 * (len(body) // 2)], ">u2")
        if header.color_type == _GRAY and len(samples) == 1:
            spread = 255 // (2**header.depth - 1) if header.depth < 8 else 1
            gray: np.ndarray = pixels == samples[0] * spread
            return gray
        if header.color_type == _RGB and len(samples) == 3:
            color: np.ndarray = (pixels[..., ::-1] == samples).all(-1)  # OpenCV has blue first
            return color
        raise PngError(f"The transparency of the PNG is damaged. {_AGAIN}")

    def _read_palette(self) -> np.ndarray | None:
        if self.header.color_type != _PALETTE:
            return None
        body = next((body for kind, body in self._chunks if kind == b"PLTE"), b"")
        if not body or len(body) % 3 or len(body) > 768:
            raise PngError(f"The palette of the PNG is missing or damaged. {_AGAIN}")
        return np.frombuffer(body, np.uint8).reshape(-1, 3)

    def _check_pixels(self) -> None:
        header = self.header
        bits = header.depth * _CHANNELS[header.color_type]
        sizes = [(header.width, header.height)]
        if header.interlaced:
            sizes = [
                (-(-(header.width - x) // dx), -(-(header.height - y) // dy))
                for x, y, dx, dy in _PASSES
                if header.width > x and header.height > y
            ]
        # Each row begins with its filter.
        expected = sum(rows * (1 + (columns * bits + 7) // 8) for columns, rows in sizes)
        try:
            stream = zlib.decompressobj()
            raw = stream.decompress(self._pixels, expected + 1)
        except zlib.error as error:
            raise PngError(f"The pixels of the PNG are damaged. {_AGAIN}") from error
        if len(raw) != expected:
            raise PngError(
                f"The PNG holds {'more' if len(raw) > expected else 'less'} data than its "
                f"{header.width}x{header.height} pixels need. {_AGAIN}"
            )
        if not header.interlaced and max(raw[:: 1 + (header.width * bits + 7) // 8]) > 4:
            raise PngError(f"The rows of the PNG are damaged. {_AGAIN}")

    def _decode(self, color_type: int) -> np.ndarray:
        header = self.header
        first = struct.pack(
            ">IIBBBBB",
            *(header.width, header.height, header.depth, color_type, 0, 0, header.interlaced),
        )
        plain = SIGNATURE + b"".join(
            struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
            for kind, body in ((b"IHDR", first), (b"IDAT", self._pixels), (b"IEND", b""))
        )
        try:
            pixels: np.ndarray | None = cv2.imdecode(
                np.frombuffer(plain, np.uint8), cv2.IMREAD_UNCHANGED
            )
        except cv2.error:
            pixels = None
        if pixels is None or pixels.shape[:2] != (header.height, header.width):
            raise PngError(f"The PNG cannot be decoded. {_AGAIN}")
        return pixels  # of gray with alpha, OpenCV repeats the gray: blue, green, red, alpha


def _chunks(data: bytes) -> list[tuple[bytes, bytes]]:
    """Return the checked chunks (kind, content) up to the end mark; the first is the header."""
    if not data.startswith(SIGNATURE):
        found = next((name for start, name in _OTHERS if data.startswith(start)), None)
        what = f"The file is {found}, not a PNG." if found else "The file is not a PNG."
        raise PngError(f"{what} {_AGAIN}")
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
            raise PngError(f"A checksum in the PNG is wrong. {_AGAIN}")
        chunks.append((kind, body))
        if kind == b"IEND":
            if chunks[0][0] != b"IHDR" or len(chunks[0][1]) != 13:
                raise PngError(f"The PNG does not begin with its header. {_AGAIN}")
            return chunks
        at = end
    raise PngError(f"The PNG is cut off. {_AGAIN}")


def _header(body: bytes) -> Header:
    width, height, depth, color_type, compression, filters, interlace = struct.unpack(
        ">IIBBBBB", body
    )
    known = depth in _DEPTHS.get(color_type, (8, 16)) and color_type in _CHANNELS
    if not known or not width or not height or compression or filters or interlace > 1:
        raise PngError(f"The header of the PNG is damaged. {_AGAIN}")
    return Header(width, height, depth, color_type, bool(interlace))
