"""Decode a PNG that may be broken or hostile into the samples that it stores.

The header is checked first, for the size; then the checksums and the exact amount of data. OpenCV
decodes only a file that is rebuilt from the chunks that matter: on its own, it returns a truncated
file half black, and chunks about gamma, colour profiles or orientation would change what it returns.
"""

from __future__ import annotations

import struct
import zlib
from dataclasses import dataclass

import cv2
import numpy as np

MAX_PIXELS = 2**28  # of one mask, unless the caller expects less: 16384x16384
SIGNATURE = b"\x89PNG\r\n\x1a\n"
GRAY, RGB, PALETTE, GRAY_ALPHA, RGB_ALPHA = 0, 2, 3, 4, 6
_CHANNELS = {GRAY: 1, RGB: 3, PALETTE: 1, GRAY_ALPHA: 2, RGB_ALPHA: 4}
_DEPTHS = {GRAY: (1, 2, 4, 8, 16), PALETTE: (1, 2, 4, 8)}
# The passes of an interlaced image: first column and row, steps between columns and rows.
_PASSES = (
    (0, 0, 8, 8),
    (4, 0, 8, 8),
    (0, 4, 4, 8),
    (2, 0, 4, 4),
    (0, 2, 2, 4),
    (1, 0, 2, 2),
    (0, 1, 1, 2),
)
_KINDS = (
    (b"\xff\xd8\xff", "a JPEG image, which blurs labels"),
    (b"GIF8", "a GIF image"),
    (b"BM", "a BMP image"),
    (b"II*\0", "a TIFF image"),
    (b"MM\0*", "a TIFF image"),
    (b"\x93NUMPY", "a NumPy array"),
    (b"PK\x03\x04", "a zip"),
    (b"\x1f\x8b", "a gzip archive"),
    (b"version https://git-lfs", "a pointer of Git LFS (run `git lfs pull`)"),
    (b"<", "a web page or XML"),
    (b"{", "JSON"),
    (b"[", "JSON"),
)
_AGAIN = "Export it again, or save it as PNG with another program."


class MaskError(ValueError):
    """A file is not a mask that can be read for certain; the message is the reason, and a remedy."""


@dataclass(frozen=True)
class Header:
    """The first chunk of a PNG."""

    width: int
    height: int
    depth: int
    color_type: int
    interlaced: bool


class Png:
    """A PNG whose header and chunks are valid; `samples` decodes its pixels."""

    def __init__(self, data: bytes, max_pixels: int = MAX_PIXELS) -> None:
        """Check a file; MaskError if it is broken, too large, or not a PNG."""
        chunks = chunks_of(data)
        self.header = _header(chunks[0][1])
        _check_size(self.header, max_pixels)
        self._pixels = b"".join(body for kind, body in chunks if kind == b"IDAT")
        self._check_pixels()
        found = dict(chunks)
        palette = found.get(b"PLTE", b"")
        self.transparency = found.get(b"tRNS", b"")
        if len(palette) % 3 or (self.header.color_type == PALETTE and not palette):
            raise MaskError(f"The palette of the PNG is damaged. {_AGAIN}")
        self.palette: list[tuple[int, int, int]] = list(
            zip(palette[::3], palette[1::3], palette[2::3], strict=True)
        )

    def samples(self) -> np.ndarray:
        """Return the samples as they are stored: uint8 or uint16 [H, W], or [H, W, C] with C = 2 to 4.

        A palette gives its places. Samples below 8 bits are not scaled.
        """
        header = self.header
        # Places are read as if they were gray values, which libpng scales to 0..255 below 8 bits.
        kind = GRAY if header.color_type == PALETTE else header.color_type
        first = struct.pack(
            ">IIBBBBB", header.width, header.height, header.depth, kind, 0, 0, header.interlaced
        )
        plain = SIGNATURE + b"".join(
            struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))
            for name, body in ((b"IHDR", first), (b"IDAT", self._pixels), (b"IEND", b""))
        )
        try:
            pixels: np.ndarray | None = cv2.imdecode(
                np.frombuffer(plain, np.uint8), cv2.IMREAD_UNCHANGED
            )
        except cv2.error:
            pixels = None
        if pixels is None or pixels.shape[:2] != (header.height, header.width):
            raise MaskError(f"The PNG cannot be decoded. {_AGAIN}")
        if kind == GRAY:
            return pixels // gray_step(header.depth)
        if kind == GRAY_ALPHA:
            return pixels[..., [0, 3]]
        order = [2, 1, 0] if kind == RGB else [2, 1, 0, 3]
        return pixels[..., order]

    def _check_pixels(self) -> None:
        """Check the amount of data and the filters without trusting the header's size."""
        starts, expected = _rows(self.header)
        try:
            raw = zlib.decompressobj().decompress(self._pixels, expected + 1)
        except zlib.error as error:
            raise MaskError(f"The pixels of the PNG are damaged. {_AGAIN}") from error
        if len(raw) != expected:
            raise MaskError(
                f"The PNG holds {'more' if len(raw) > expected else 'less'} data than its "
                f"{self.header.width}x{self.header.height} pixels need. {_AGAIN}"
            )
        if any(max(raw[rows]) > 4 for rows in starts):
            raise MaskError(f"The rows of the PNG are damaged. {_AGAIN}")


def gray_step(depth: int) -> int:
    """Return how far apart the gray values of neighbouring samples are when they are shown."""
    step: int = 255 // (2**depth - 1) if depth < 8 else 1
    return step


def _rows(header: Header) -> tuple[list[slice], int]:
    """Return where the rows of each pass begin, with their filters, and the length of all data."""
    bits = header.depth * _CHANNELS[header.color_type]
    starts, length = [], 0
    for x, y, across, down in _PASSES if header.interlaced else ((0, 0, 1, 1),):
        columns = -(-(header.width - x) // across)
        rows = -(-(header.height - y) // down)
        if columns > 0 and rows > 0:
            row = 1 + (columns * bits + 7) // 8
            starts.append(slice(length, length + row * rows, row))
            length += row * rows
    return starts, length


def chunks_of(data: bytes) -> list[tuple[bytes, bytes]]:
    """Return the checked chunks (kind, content) up to the end mark; the first is the header."""
    if not data.startswith(SIGNATURE):
        raise MaskError(_not_a_png(data))
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
            raise MaskError(f"A checksum in the PNG is wrong. {_AGAIN}")
        chunks.append((kind, body))
        if kind == b"IEND":
            if chunks[0][0] != b"IHDR" or len(chunks[0][1]) != 13:
                raise MaskError(f"The PNG does not begin with its header. {_AGAIN}")
            return chunks
        at = end
    raise MaskError(f"The PNG is cut off. {_AGAIN}")


def _not_a_png(data: bytes) -> str:
    if not data:
        return "The file is empty and not a PNG. Its copy may not be complete: copy it again."
    if data.startswith((b"\x89PNG", SIGNATURE[1:])):
        return (
            "The first bytes of the PNG are damaged, as by a transfer in text mode. Copy it again, in "
            "binary mode."
        )
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        kind: str | None = "a WebP image"
    else:
        kind = next((kind for start, kind in _KINDS if data.startswith(start)), None)
    what = f"it is {kind}" if kind else "its content is of another kind"
    return f"The file is not a PNG: {what}. Export the mask as PNG, one channel of 8 bits."


def _header(body: bytes) -> Header:
    width, height, depth, color_type, compression, filters, interlace = struct.unpack(
        ">IIBBBBB", body
    )
    known = color_type in _CHANNELS and depth in _DEPTHS.get(color_type, (8, 16))
    if not known or compression or filters or interlace > 1:
        raise MaskError(f"The header of the PNG is damaged. {_AGAIN}")
    return Header(width, height, depth, color_type, bool(interlace))


def _check_size(header: Header, max_pixels: int) -> None:
    if not header.width or not header.height:
        raise MaskError(
            f"The PNG has no pixels: its size is {header.width}x{header.height}. {_AGAIN}"
        )
    if header.width * header.height > max_pixels:
        raise MaskError(
            f"The PNG is too large: {header.width}x{header.height}, and at most {max_pixels:,} pixels "
            "are accepted. Check the size that the annotation tool recorded."
        )
