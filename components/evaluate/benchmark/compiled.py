"""Call the compiled loops of folder scoring (`_maps.c`), if the installation could build them.

Without a C compiler there are none; then `AVAILABLE` is false, and the callers do the same in
Python, several times slower. See docs/decisions/0019.
"""

from __future__ import annotations

import ctypes
import sysconfig
from pathlib import Path

import numpy as np


def _load() -> ctypes.CDLL | None:
    path = Path(__file__).with_name(f"_maps{sysconfig.get_config_var('EXT_SUFFIX')}")
    try:
        library = ctypes.CDLL(str(path))
    except OSError:
        return None
    size, pointer = ctypes.c_size_t, ctypes.c_void_p
    library.streetloop_unfilter.argtypes = [pointer, size, size, size]
    library.streetloop_unfilter.restype = ctypes.c_int
    library.streetloop_count.argtypes = [pointer] * 3 + [size] + [pointer] * 3
    library.streetloop_count.restype = size
    return library


_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD = -1, -3  # malloc.h
_LIBRARY = _load()
AVAILABLE = _LIBRARY is not None


def unfilter(data: bytearray, height: int, length: int, step: int) -> np.ndarray | None:
    """Undo a PNG's row filters in place; other threads run meanwhile.

    Args:
      data: `height` rows of one filter byte and `length` filtered bytes each; overwritten.
      length: bytes per row.
      step: bytes per pixel, 1 or 2; divides `length`.

    Returns:
      uint8 [height, length], a view of `data`; None if a row's filter is unknown.
    """
    assert _LIBRARY is not None
    assert step in (1, 2)
    assert length > 0
    assert length % step == 0
    assert len(data) == height * (1 + length)
    flat = np.frombuffer(data, np.uint8)
    if _LIBRARY.streetloop_unfilter(flat.ctypes.data, height, length, step):
        return None
    return flat[: height * length].reshape(height, length)


def keep_freed_memory() -> None:
    """Let this process keep up to 256 MiB of what it frees, where the C library is glibc.

    Otherwise each image's buffers return to the kernel, which clears them again for the next one:
    that took a third of the time.
    """
    libc = ctypes.CDLL(None)
    if hasattr(libc, "mallopt"):
        libc.mallopt(_M_MMAP_THRESHOLD, 1 << 25)  # the largest value that it accepts
        libc.mallopt(_M_TRIM_THRESHOLD, 1 << 28)


def can_count(truth: np.ndarray, prediction: np.ndarray, instances: np.ndarray | None) -> bool:
    """Check that `count` accepts these maps: as `id_files` reads them, and below 2^31 pixels."""
    maps = {"u1": (truth, prediction), ">u2": () if instances is None else (instances,)}
    return (
        AVAILABLE
        and truth.size < 2**31
        and all(
            one.dtype == kind and one.flags.c_contiguous and one.flags.aligned
            for kind, some in maps.items()
            for one in some
        )
    )


def count(
    truth: np.ndarray, prediction: np.ndarray, instances: np.ndarray | None
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Count a pair of maps that `can_count` accepts; other threads run meanwhile.

    Returns:
      int64 [256, 256], the pixels of each pair of values (rows: `truth`); and int32 [R] twice, the
      flat index of the last pixel and the number of pixels of each run of an instance (ids above
      1000): a stretch in which no map changes.
    """
    assert _LIBRARY is not None
    table = np.zeros((256, 256), np.int64)
    ends, lengths = np.empty(truth.size, np.int32), np.empty(truth.size, np.int32)
    runs = _LIBRARY.streetloop_count(
        truth.ctypes.data,
        prediction.ctypes.data,
        None if instances is None else instances.ctypes.data,
        truth.size,
        table.ctypes.data,
        ends.ctypes.data,
        lengths.ctypes.data,
    )
    return table, ends[:runs], lengths[:runs]
