"""PNG files of any kind, made from their parts, as programs write them that our libraries are not."""

import struct
import zlib

import numpy as np

GRAY, RGB, PALETTE, GRAY_ALPHA, RGB_ALPHA = 0, 2, 3, 4, 6
PASSES = ((0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2))  # fmt: skip


def chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def png(samples, depth=8, color_type=GRAY, *, palette=(), clear=b"", interlaced=False, more=()):
    """Encode samples [H, W] or [H, W, C] as they are to be stored.

    `palette`: colours; `clear`: the content of tRNS; `more`: further chunks (kind, content).
    """
    samples = np.asarray(samples)
    height, width = samples.shape[:2]
    body = b""
    for x, y, across, down in PASSES if interlaced else ((0, 0, 1, 1),):
        part = samples[y::down, x::across]
        if part.size:
            body += b"".join(b"\0" + _packed(row, depth) for row in part)
    header = struct.pack(">IIBBBBB", width, height, depth, color_type, 0, 0, interlaced)
    chunks = [(b"IHDR", header), *more]
    if len(palette):
        chunks.append((b"PLTE", np.asarray(palette, np.uint8).tobytes()))
    if clear:
        chunks.append((b"tRNS", clear))
    chunks += [(b"IDAT", zlib.compress(body)), (b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunk(*one) for one in chunks)


def grays(*values):
    """A palette of grays."""
    return [(value,) * 3 for value in values]


def _packed(row, depth):
    if depth == 16:
        return row.astype(">u2").tobytes()
    bits = np.unpackbits(row.astype(np.uint8).reshape(-1, 1), axis=1)[:, -depth:]
    return np.packbits(bits.ravel()).tobytes()
