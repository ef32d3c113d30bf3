"""Read the ids of a one-channel PNG unchanged: fast for a plain label map, and right for any other."""

from __future__ import annotations

import struct
import zlib
from pathlib import Path

import deflate
import numpy as np

from components.contracts.process.errors import StreetloopError
from components.evaluate.benchmark import compiled
from tfds_cityscapes.png import SIGNATURE, Png, PngError

_MOST_DEFLATED = 1032  # the best ratio that deflate reaches (zlib's technical notes)


class ScoringError(StreetloopError):
    """A file that cannot be scored; the message names it."""


def read_ids(path: Path) -> np.ndarray:
    """Read a one-channel PNG without changing a value: 8 or 16 bit unsigned [H, W].

    A palette of colours gives its indices, as it does in the official script, not its colours; a
    palette of grays, which an optimizer writes, gives the gray levels.

    Raises:
      ScoringError: the file is not a readable PNG, or has several channels.
    """
    try:
        data = path.read_bytes()
    except OSError as error:
        raise ScoringError(f"Cannot read {path}: {error}.") from error
    try:
        ids = _plain(data)
        return _any(Png(data)) if ids is None else ids
    except _NotIdsError:
        raise ScoringError(
            f"{path} is a colour image, not one channel of label ids. Pass the *_labelIds.png "
            "files, not the *_color.png ones."
        ) from None
    except PngError as error:
        raise ScoringError(f"{path}: {error}") from error


class _NotIdsError(Exception):
    """The pixels are colours."""


def _any(png: Png) -> np.ndarray:
    """Read the ids of any PNG that holds some; erased pixels become 0, "unlabeled"."""
    numbers = png.numbers()
    if numbers is None:
        raise _NotIdsError
    values = numbers.values
    return values if numbers.erased is None else np.where(numbers.erased, 0, values)


def _plain(data: bytes) -> np.ndarray | None:
    """Read the ids of a plain label map, as Cityscapes has it; None if it is none, or damaged.

    Plain: gray, 8 or 16 bit, without interlacing and transparency.
    """
    if not compiled.AVAILABLE or not data.startswith(SIGNATURE):
        return None
    chunks = _chunks(data)
    if chunks is None:
        return None
    width, height, depth, color_type, _, _, interlaced = struct.unpack(">IIBBBBB", chunks[0][1])
    if color_type or depth not in (8, 16) or interlaced or any(k == b"tRNS" for k, _ in chunks):
        return None
    packed = b"".join(body for kind, body in chunks if kind == b"IDAT")
    return _plain_ids(packed, width, height, depth // 8)


def _chunks(data: bytes) -> list[tuple[bytes, bytes]] | None:
    """Return the kind and body of a PNG's chunks, IHDR to IEND; None if one is cut off or damaged."""
    chunks: list[tuple[bytes, bytes]] = []
    offset = len(SIGNATURE)
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


def _plain_ids(packed: bytes, width: int, height: int, step: int) -> np.ndarray | None:
    """Decode pixels of `step` bytes without interlacing; None if they are damaged.

    A general decoder takes ten times as long: half of it to inflate, the rest to undo the filters
    byte by byte.
    """
    size = height * (1 + width * step)
    # A header may promise more than its data can hold: then no memory is allocated.
    if not width or not 0 < size <= _MOST_DEFLATED * len(packed):
        return None
    try:
        rows = deflate.zlib_decompress(packed, size)
    except deflate.DeflateError:
        return None
    if len(rows) != size:
        return None
    pixels = compiled.unfilter(rows, height, width * step, step)
    return pixels.view(">u2") if pixels is not None and step == 2 else pixels
