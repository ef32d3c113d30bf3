"""Reading a PNG's ids as they are: quickly where it is a plain label map, and every other kind."""

from __future__ import annotations

import struct
import zlib
from pathlib import Path

import deflate
import numpy as np

from components.contracts.process.errors import StreetloopError
from components.evaluate.benchmark import native

_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_GRAY, _PALETTE = 0, 3  # the colour types whose one channel can be an id
_MOST_DEFLATED = 1032  # times: what deflate saves at best (zlib's technical notes)


class ScoringError(StreetloopError):
    """A file that cannot be scored; the message names it."""


def read_ids(path: Path) -> np.ndarray:
    """Reads a one-channel PNG without changing a value: 8 or 16 bit unsigned [H, W].

    A palette image gives its indices, as it does in the official script, not its colours.

    Raises:
      ScoringError: the file is no readable PNG, or has several channels.
    """
    try:
        data = path.read_bytes()
    except OSError as error:
        raise ScoringError(f"Expected a readable file at {path}: {error}.") from error
    if not data.startswith(_SIGNATURE):
        raise ScoringError(f"Expected a PNG file; {path} is none.")
    chunks = _chunks(data)
    if chunks is None:
        raise ScoringError(f"Expected a whole PNG file; {path} is damaged.")
    width, height, depth, color_type, _, _, interlaced = struct.unpack(">IIBBBBB", chunks[0][1])
    if color_type not in (_GRAY, _PALETTE):
        raise ScoringError(
            f"Expected one channel of label ids; {path} is a colour image. Pass the *_labelIds.png "
            "files, not the *_color.png ones."
        )
    if depth in (8, 16) and not interlaced and native.AVAILABLE:
        ids = _plain_ids(chunks, width, height, depth // 8)
    else:
        ids = _any_ids(chunks, depth)
    if ids is None:
        raise ScoringError(f"Expected a PNG that can be decoded; {path} is damaged.")
    return ids


def _chunks(data: bytes) -> list[tuple[bytes, bytes]] | None:
    """Kind and body of a PNG's chunks, IHDR to IEND; None if one is cut off or damaged."""
    chunks: list[tuple[bytes, bytes]] = []
    offset = len(_SIGNATURE)
    while offset + 12 <= len(data):
        (length,) = struct.unpack_from(">I", data, offset)
        end = offset + 8 + length
        if data[end : end + 4] != struct.pack(">I", zlib.crc32(data[offset + 4 : end])):
            return None
        chunks.append((data[offset + 4 : offset + 8], data[offset + 8 : end]))
        if chunks[-1][0] == b"IEND":
            kind, header = chunks[0]
            return chunks if kind == b"IHDR" and len(header) == 13 else None
        offset = end + 4
    return None


def _plain_ids(
    chunks: list[tuple[bytes, bytes]], width: int, height: int, step: int
) -> np.ndarray | None:
    """Ids of a PNG of 8 or 16 bits (`step`, in bytes) without interlacing; None if damaged.

    OpenCV's decoder is correct and general, and takes ten times as long: half of it in inflate,
    the rest in filters that it undoes byte by byte.
    """
    packed = b"".join(body for kind, body in chunks if kind == b"IDAT")
    size = height * (1 + width * step)
    # A header may promise more than its data can hold: no memory is asked for then.
    if not width or not 0 < size <= _MOST_DEFLATED * len(packed):
        return None
    try:
        rows = deflate.zlib_decompress(packed, size)
    except deflate.DeflateError:
        return None
    if len(rows) != size:
        return None
    pixels = native.unfilter(rows, height, width * step, step)
    return pixels.view(">u2") if pixels is not None and step == 2 else pixels


def _any_ids(chunks: list[tuple[bytes, bytes]], depth: int) -> np.ndarray | None:
    """Ids of any one-channel PNG, by OpenCV; None if it is damaged."""
    import cv2  # most folders have no such file, and start faster without

    data = np.frombuffer(_as_gray(chunks), np.uint8)
    try:
        ids = cv2.imdecode(data, cv2.IMREAD_UNCHANGED)
    except cv2.error:  # more pixels than it is willing to read
        return None
    if ids is not None and depth < 8:
        # The decoder stretches 1, 2 and 4 bits to 0..255.
        ids //= 255 // (2**depth - 1)
    return ids


def _as_gray(chunks: list[tuple[bytes, bytes]]) -> bytes:
    """The same PNG, a palette one relabeled as gray: the pixel data of both are laid out alike.

    OpenCV only hands out a palette image's colours; without palette it hands out the indices.
    """
    parts = [_SIGNATURE]
    for kind, body in chunks:
        if kind == b"IHDR":
            body = body[:9] + bytes([_GRAY]) + body[10:]
        if kind in (b"IHDR", b"IDAT", b"IEND"):
            parts.append(struct.pack(">I", len(body)) + kind + body)
            parts.append(struct.pack(">I", zlib.crc32(kind + body)))
    return b"".join(parts)
