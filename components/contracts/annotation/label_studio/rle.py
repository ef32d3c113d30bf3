"""Decode and encode Label Studio's brush RLE: a bit stream of runs over RGBA values, row by row.

The stream: how many values (32 bits), bits per value - 1 (5), four sizes of a length field - 1
(4 bits each); then blocks: 1 bit (a run, or values one by one), 2 bits (which size), the length
- 1 in that size, and one value (run) or as many as the length says. Zero bits fill the last byte.
The format is that of the thi.ng/rle-pack library, which Label Studio's editor uses.

Where a block begins depends on all blocks before it, so a decoder looks sequential. Here the
length of a block *that would begin at a bit* is looked up for every bit at once, from the 8 bits
that follow it; then one short loop hops from block to block, and numpy does the rest.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from components.contracts.annotation.model import AnnotationError

_HEADER_BITS = 53
_VALUE_BITS = 8
_SIZES = (3, 4, 8, 16)  # what Label Studio's own encoders use
_CHANNELS = 4  # RGBA; A is the mask
_LONGEST = 2**16


def decode_rle(data: bytes, expected: int) -> np.ndarray:
    """Decode a stream into its values.

    Args:
      data: the bytes of the stream.
      expected: how many values the stream must announce (4 x height x width for a brush).

    Returns:
      uint8 [expected].

    Raises:
      AnnotationError: the stream is cut off or far too long, or it announces another number of
        values, or values of more than 8 bits.
    """
    if len(data) * 8 < _HEADER_BITS:
        raise AnnotationError("A brush stroke is cut off. Export it again.")
    header = int.from_bytes(data[:7], "big") >> 3
    count = header >> 21
    word = ((header >> 16) & 31) + 1
    sizes = tuple(((header >> shift) & 15) + 1 for shift in (12, 8, 4, 0))
    if count != expected:
        raise AnnotationError(
            f"The image and a brush stroke have different sizes: the stroke has {count:,} values, and "
            f"the recorded size needs {expected:,} (4 per pixel). Label the image again."
        )
    if word > _VALUE_BITS:
        raise AnnotationError(
            f"A brush stroke has values of {word} bits; at most 8 are possible. Export it again."
        )
    # Label Studio's encoders need at most 14 bits per value. The search for blocks takes a byte of
    # memory per bit.
    longest = 2 * expected + 64
    if len(data) > longest:
        raise AnnotationError(
            f"A brush stroke has {len(data):,} bytes; {expected:,} values need at most {longest:,} "
            "bytes. The export is damaged: export it again."
        )
    starts = _block_starts(data, word, sizes, count)
    return _expand(np.frombuffer(data + bytes(8), np.uint8), starts, word, sizes, count)


@lru_cache(maxsize=8)
def _block_lengths(word: int, sizes: tuple[int, ...]) -> bytes:
    """Return the length in bits of a block by its first 8 bits; 0 if more bits are needed."""
    table = bytearray(256)
    for code in range(256):
        size = sizes[(code >> 5) & 3]
        if code >> 7:
            table[code] = 3 + size + word
        elif size <= 5:
            length = 3 + size + word * (((code & 31) >> (5 - size)) + 1)
            table[code] = length if length < 256 else 0
    return bytes(table)


def _block_starts(data: bytes, word: int, sizes: tuple[int, ...], count: int) -> np.ndarray:
    """Return the bit at which each block begins: int64 [blocks], as far as the data go."""
    bits = len(data) * 8
    octets = np.frombuffer(data + b"\0", np.uint8)
    pairs = (octets[:-1].astype(np.uint16) << 8) | octets[1:]
    windows = np.empty((len(data), 8), np.uint8)  # the 8 bits from each bit on
    for phase in range(8):
        windows[:, phase] = pairs >> (8 - phase)
    lengths = windows.tobytes().translate(_block_lengths(word, sizes))

    starts: list[int] = []
    at = _HEADER_BITS
    last = bits - 3 - min(sizes) - word
    while at <= last and len(starts) < count:
        starts.append(at)
        length = lengths[at]
        if not length:
            size = sizes[(windows[at >> 3, at & 7] >> 5) & 3]
            field = int.from_bytes(data[at >> 3 : (at >> 3) + 4].ljust(4, b"\0"), "big")
            field = (field >> (32 - (at & 7) - 3 - size)) & ((1 << size) - 1)
            length = 3 + size + word * (field + 1)
        at += length
    if at > bits and starts:
        starts.pop()  # this block is cut off
    return np.array(starts, np.int64)


def _expand(
    octets: np.ndarray, starts: np.ndarray, word: int, sizes: tuple[int, ...], count: int
) -> np.ndarray:
    """Return the values of the blocks: uint8 [count]. `octets` ends with 8 zero bytes of padding."""
    head = _read(octets, starts, 3)
    is_run = head >= 4
    size = np.array(sizes, np.int64)[head & 3]
    lengths = (_read(octets, starts + 3, 16) >> (16 - size)) + 1  # values in the block
    values_at = starts + 3 + size
    if is_run.all():
        repeats = lengths
    else:
        items = np.where(is_run, 1, lengths)
        within = np.arange(items.sum()) - np.repeat(np.cumsum(items) - items, items)
        values_at = np.repeat(values_at, items) + word * within
        repeats = np.repeat(np.where(is_run, lengths, 1), items)
    ends = np.cumsum(repeats)
    if not len(ends) or ends[-1] < count:
        raise AnnotationError(
            f"A brush stroke has fewer than {count:,} values. The export was cut off: export it again."
        )
    used = int(np.searchsorted(ends, count)) + 1
    repeats = repeats[:used].copy()
    repeats[-1] -= ends[used - 1] - count
    return np.repeat(_read(octets, values_at[:used], word).astype(np.uint8), repeats)


def _read(octets: np.ndarray, at: np.ndarray, bits: int) -> np.ndarray:
    """Return the unsigned numbers of `bits` bits (at most 16) that begin at the bits `at`: int64."""
    octet = at >> 3
    window = octets[octet].astype(np.int64) << 16
    window |= octets[octet + 1].astype(np.int64) << 8
    if bits > 9:
        window |= octets[octet + 2]
    numbers: np.ndarray = (window >> (24 - bits - (at & 7))) & ((1 << bits) - 1)
    return numbers


def encode_rle(values: np.ndarray) -> bytes:
    """Encode values, uint8 of any shape, in the bytes that label-studio-sdk's encoder gives."""
    flat = np.ascontiguousarray(values, np.uint8).ravel()
    edges = np.flatnonzero(flat[1:] != flat[:-1]) + 1
    first = np.concatenate([[0], edges]).astype(np.int64) if flat.size else np.zeros(0, np.int64)
    runs = np.diff(np.append(first, flat.size))
    pieces = -(-runs // _LONGEST)  # a run longer than 2^16 takes several blocks
    lengths = np.full(int(pieces.sum()), _LONGEST, np.int64)
    lengths[np.cumsum(pieces) - 1] = runs - (pieces - 1) * _LONGEST
    value = np.repeat(flat[first].astype(np.int64), pieces)

    which = np.repeat(np.searchsorted([8, 16, 256], runs), pieces)
    size = np.array(_SIZES)[which]
    head = np.where(np.repeat(runs, pieces) == 1, 0, 4 + which)
    code = ((head << size | (lengths - 1)) << _VALUE_BITS) | value
    width = 3 + size + _VALUE_BITS
    at = _HEADER_BITS + np.cumsum(width) - width
    total = _HEADER_BITS + int(width.sum())

    bits = np.zeros(total + 8 - total % 8, np.uint8)
    sizes = sum((size - 1) << shift for size, shift in zip(_SIZES, (12, 8, 4, 0), strict=True))
    header = (flat.size << 21) | ((_VALUE_BITS - 1) << 16) | sizes
    bits[:_HEADER_BITS] = [(header >> shift) & 1 for shift in range(_HEADER_BITS - 1, -1, -1)]
    for kind in _SIZES:
        length = 3 + kind + _VALUE_BITS
        chosen = size == kind
        places = np.arange(length)
        bits[at[chosen, None] + places] = (code[chosen, None] >> (length - 1 - places)) & 1
    return np.packbits(bits).tobytes()


def decode_mask(data: bytes, height: int, width: int) -> np.ndarray:
    """Decode a brush stroke into the pixels that it covers (alpha above 0): bool [height, width]."""
    values = decode_rle(data, height * width * _CHANNELS)
    mask: np.ndarray = values.reshape(height, width, _CHANNELS)[:, :, _CHANNELS - 1] > 0
    return mask


def encode_mask(mask: np.ndarray) -> bytes:
    """Encode a mask, bool [H, W], as a brush stroke: all four channels are 255 where it is true."""
    return encode_rle(np.repeat(mask.astype(np.uint8).ravel() * 255, _CHANNELS))
