"""Read the label maps and instance maps to score: fast where they are plain, and right for any other."""

from __future__ import annotations

import struct
from pathlib import Path

import deflate
import numpy as np

from components.contracts.annotation import class_tables
from components.contracts.annotation.model import AnnotationError
from components.contracts.process.errors import StreetloopError
from components.evaluate.benchmark import compiled
from tfds_cityscapes.labels import UnknownLabelError, to_label_ids
from tfds_cityscapes.masks import MaskError, encoding_of_name, read_label_ids
from tfds_cityscapes.masks.png import GRAY, PALETTE, Png, chunks_of

_MOST_DEFLATED = 1032  # the best ratio that deflate reaches (zlib's technical notes)


class ScoringError(StreetloopError):
    """A file that cannot be scored; the message names it."""


def read_labels(path: Path) -> np.ndarray:
    """Read a label map as label ids: uint8 [H, W]; whether all of them exist is checked on counting.

    The end of its name says what it holds, `_labelTrainIds` and `_color` included, and so does a table
    of classes beside it; any other name means label ids.

    Raises:
      ScoringError: the file is not a readable PNG, or what it means is not certain.
    """
    data = _content(path)
    try:
        table = class_tables.beside_file(path)
        encoding = encoding_of_name(path.name) or "label_ids"
        if table is None and encoding != "color" and (ids := _plain_ids(data, 8)) is not None:
            return ids if encoding == "label_ids" else to_label_ids(ids)
        return read_label_ids(path.name, data, encoding=encoding, table=table)
    except (MaskError, UnknownLabelError, AnnotationError) as error:
        raise ScoringError(f"{path}: {error}") from error


def read_ids(path: Path) -> np.ndarray:
    """Read a one-channel PNG without changing a value, such as an instance map: unsigned [H, W].

    A palette image gives its indices, as it does in the official script, not its colours.

    Raises:
      ScoringError: the file is not a readable PNG, or has several channels.
    """
    data = _content(path)
    for depth in (16, 8):
        if (ids := _plain_ids(data, depth)) is not None:
            return ids
    try:
        png = Png(data)
        if png.header.color_type not in (GRAY, PALETTE):
            raise MaskError("It has several channels. Pass a file of ids in one channel.")
        return png.samples()
    except MaskError as error:
        raise ScoringError(f"{path}: {error}") from error


def _content(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise ScoringError(f"Cannot read {path}: {error}.") from error


def _plain_ids(data: bytes, depth: int) -> np.ndarray | None:
    """Decode gray values of 8 or 16 bits, not interlaced, and nothing transparent; None for the rest.

    The decoder for any PNG takes ten times as long: half of it to inflate, the rest to undo the
    filters byte by byte. It also says what is wrong with a damaged file.
    """
    if not compiled.AVAILABLE:
        return None
    try:
        chunks = chunks_of(data)
    except MaskError:
        return None
    width, height, *kind = struct.unpack(">IIBBBBB", chunks[0][1])
    if kind != [depth, GRAY, 0, 0, 0] or any(name == b"tRNS" for name, _ in chunks):
        return None
    packed = b"".join(body for name, body in chunks if name == b"IDAT")
    step = depth // 8
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
