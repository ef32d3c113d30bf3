"""Write one gray image in all the ways that PNG has: what optimizers and other programs do."""

from __future__ import annotations

import struct
import zlib

import numpy as np

SIGNATURE = b"\x89PNG\r\n\x1a\n"
_PASSES = (
    (0, 0, 8, 8),
    (4, 0, 8, 8),
    (0, 4, 4, 8),
    (2, 0, 4, 4),
    (0, 2, 2, 4),
    (1, 0, 2, 2),
    (0, 1, 1, 2),
)


def png(
    samples: np.ndarray,
    depth: int = 8,
    color_type: int = 0,
    extra: list[tuple[bytes, bytes]] | None = None,
    interlaced: bool = False,
) -> bytes:
    """Encode samples [H, W] or [H, W, C] as they are, without any filter."""
    height, width = samples.shape[:2]
    parts = [samples[y::dy, x::dx] for x, y, dx, dy in _PASSES] if interlaced else [samples]
    rows = b"".join(b"\0" + _packed(row, depth) for part in parts if part.size for row in part)
    header = struct.pack(">IIBBBBB", width, height, depth, color_type, 0, 0, interlaced)
    chunks = [(b"IHDR", header), *(extra or []), (b"IDAT", zlib.compress(rows)), (b"IEND", b"")]
    return SIGNATURE + b"".join(
        struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
        for kind, body in chunks
    )


def _packed(row: np.ndarray, depth: int) -> bytes:
    if depth == 16:
        return row.astype(">u2").tobytes()
    if depth == 8:
        return row.astype(np.uint8).tobytes()
    bits = np.unpackbits(row.astype(np.uint8)[:, None], axis=1)[:, -depth:]
    return np.packbits(bits.ravel()).tobytes()


def gray_palette(ids: np.ndarray, order: list[int], depth: int = 8) -> bytes:
    """Encode gray levels as places in a palette of grays, which lists them in this order."""
    places = np.zeros(ids.shape, np.uint8)
    for place, level in enumerate(order):
        places[ids == level] = place
    return png(places, depth, 3, [(b"PLTE", bytes(n for level in order for n in [level] * 3))])
