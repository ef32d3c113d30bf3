"""Read the ids of a one-channel PNG unchanged: fast for a plain label map, and right for any other."""

from __future__ import annotations

import io
import struct
import zlib
from pathlib import Path

import deflate
import numpy as np

from components.contracts.process.errors import StreetloopError
from components.evaluate.benchmark import compiled

_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_GRAY, _PALETTE = 0, 3  # the colour types whose one channel can be an id
_MOST_DEFLATED = 1032  # the best ratio that deflate reaches (zlib's technical notes)


class ScoringError(StreetloopError):
    """A file that cannot be scored; the message names it."""


def read_ids(path: Path) -> np.ndarray:
    """Read a one-channel PNG without changing a value: 8 or 16 bit unsigned [H, W].

    A palette image gives its indices, as it does in the official script, not its colours.

    Raises:
      ScoringError: the file is not a readable PNG, or has several channels.
    """
    try:
        data = path.read_bytes()
    except OSError as error:
        raise ScoringError(f"Cannot read {path}: {error}.") from error
    if not data.startswith(_SIGNATURE):
        raise ScoringError(f"Not a PNG file: {path}.")
    chunks = _chunks(data)
    if chunks is None:
        raise ScoringError(f"Damaged or partial PNG file: {path}.")
    width, height, depth, color_type, _, _, interlaced = struct.unpack(">IIBBBBB", chunks[0][1])
    if color_type not in (_GRAY, _PALETTE):
        raise ScoringError(
            f"{path} is a colour image, not one channel of label ids. Pass the *_labelIds.png "
            "files, not the *_color.png ones."
        )
    if depth in (8, 16) and not interlaced and compiled.AVAILABLE:
        packed = b"".join(body for kind, body in chunks if kind == b"IDAT")
        ids = _plain_ids(packed, width, height, depth // 8)
    else:
        ids = _any_ids(data, spread=depth if color_type == _GRAY else 8)
    if ids is None:
        raise ScoringError(f"Damaged PNG file: {path} cannot be decoded.")
    return ids


def _chunks(data: bytes) -> list[tuple[bytes, bytes]] | None:
    """Return the kind and body of a PNG's chunks, IHDR to IEND; None if one is cut off or damaged."""
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


def _any_ids(data: bytes, spread: int) -> np.ndarray | None:
    """Decode any one-channel PNG with Pillow; None if it is damaged.

    Gray values of 2 and 4 bits (`spread`) are divided again: Pillow spreads them over 0..255.
    """
    from PIL import Image  # most folders have no such file, and start faster without

    try:
        ids = np.asarray(Image.open(io.BytesIO(data)))
    except (OSError, SyntaxError, Image.DecompressionBombError):
        return None
    if ids.dtype == bool:
        return ids.astype(np.uint8)
    return ids // (255 // (2**spread - 1)) if spread in (2, 4) else ids
