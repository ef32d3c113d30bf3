"""Bound what a weights file can make Keras allocate, before Keras reads it.

A few bytes of a damaged or hostile file can ask for any amount of memory: a configuration with a
billion filters, an HDF5 data set of a huge shape of which nothing is stored, a zip that expands a
thousandfold. Here, a file may take no more than a small multiple of its own size.
"""

from __future__ import annotations

import io
import json
import math
import zipfile
from pathlib import Path
from typing import Any

from components.contracts.process.errors import StreetloopError

_ROOM = 16 << 20  # bytes that any file may take: small ones compress well
_EXPANSION = 4  # weights hardly compress, and Keras stores them uncompressed


class TooLargeError(StreetloopError):
    """A file claims content that it cannot hold."""


def check_keras_file(path: Path) -> None:
    """Check a `.keras` file: a zip of a configuration and an HDF5 file of weights.

    Raises:
      TooLargeError: it would take more memory than its size allows.
      ValueError, OSError, KeyError: it is damaged.
    """
    limit = _limit(path.stat().st_size)
    with zipfile.ZipFile(path) as archive:
        claimed = sum(member.file_size for member in archive.infolist())
        if claimed > limit:
            raise TooLargeError(f"its content expands to {claimed} bytes")
        configuration = json.loads(archive.read("config.json"))
        weights = archive.read("model.weights.h5")
    _check_hdf5(io.BytesIO(weights), limit)
    wanted = _bytes_of_variables(configuration, limit)
    if wanted > limit:
        raise TooLargeError(f"its configuration asks for {wanted} bytes of weights")


def check_hdf5_file(path: Path) -> None:
    """Check an HDF5 file of weights.

    Raises:
      TooLargeError: a data set claims more than the file can hold, or refers to another file.
      OSError: it is no HDF5 file, or damaged.
    """
    _check_hdf5(path, _limit(path.stat().st_size))


def _limit(size: int) -> int:
    return _EXPANSION * size + _ROOM


def _check_hdf5(file: Any, limit: int) -> None:
    import h5py

    with h5py.File(file, "r") as content:
        total = 0
        groups = [content]
        seen: set[int] = set()
        while groups:
            group = groups.pop()
            for name in group:
                if not isinstance(group.get(name, getlink=True), h5py.HardLink):
                    raise TooLargeError(f"{group.name}/{name} is a link")
                entry = group[name]
                address = h5py.h5o.get_info(entry.id).addr
                if address in seen:  # a file may refer to itself
                    continue
                seen.add(address)
                if isinstance(entry, h5py.Group):
                    groups.append(entry)
                    continue
                if entry.is_virtual or entry.external:
                    raise TooLargeError(f"{entry.name} refers to another file")
                total += entry.size * entry.dtype.itemsize
                if total > limit:
                    raise TooLargeError(f"{entry.name} claims the shape {entry.shape}")


def _bytes_of_variables(configuration: Any, limit: int) -> int:
    """Return the bytes of all variables of a model, of which none is created if they exceed `limit`."""
    import keras

    with keras.StatelessScope():  # variables have a shape in here, and no value until the end
        model = keras.saving.deserialize_keras_object(configuration, safe_mode=True)
        wanted: int = sum(4 * math.prod(variable.shape) for variable in model.variables)
        if wanted > limit:
            # Leaving the scope creates every variable that Keras still remembers.
            keras.backend.clear_session()
    return wanted
