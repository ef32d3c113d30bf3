"""TFRecord files, without TensorFlow.

A frame is the length of its data (uint64), that number's checksum (uint32), the data, and their
checksum: https://www.tensorflow.org/tutorials/load_data/tfrecord#tfrecords_format_details
"""

from __future__ import annotations

import io
import struct
from collections.abc import Iterable, Iterator
from pathlib import Path


def read_frames(path: Path) -> Iterator[tuple[int, bytes]]:
    """Read the records of a TFRecord file, each with the offset of its data."""
    with open(path, "rb") as file:
        while header := file.read(12):
            (length,) = struct.unpack("<Q", header[:8])
            yield file.tell(), file.read(length)
            file.seek(4, io.SEEK_CUR)


def write_frames(path: Path, records: Iterable[bytes]) -> None:
    """Write a TFRecord file; only one record is in memory at a time."""
    with open(path, "wb") as file:
        for data in records:
            length = struct.pack("<Q", len(data))
            file.write(length + _masked_crc(length))
            file.write(data)
            file.write(_masked_crc(data))


def _masked_crc(data: bytes) -> bytes:
    import google_crc32c

    crc = google_crc32c.value(data)
    return struct.pack("<I", (((crc >> 15) | (crc << 17)) + 0xA282EAD8) & 0xFFFFFFFF)
