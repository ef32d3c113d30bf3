"""Reads tensors out of a file written by `torch.save(state_dict)`, without torch and without trust.

Such a file is a pickle, and a pickle can run any code when it is read in the ordinary way. Here
every name a pickle may ask for is on a short list, and each stands for an inert object of ours;
any other name, and any tensor that reaches outside its storage, is refused.

Formats (torch/serialization.py): the legacy one is four pickles (magic number, protocol version,
byte order and sizes, the objects), then a pickled list of storage keys, then for each storage its
number of elements as int64 and its raw bytes. The newer one is an uncompressed zip with the
objects in `<root>/data.pkl` and each storage in `<root>/data/<key>`.
"""

from __future__ import annotations

import io
import math
import pickle
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple, NoReturn

import numpy as np

from components.contracts.process.errors import StreetloopError

LEGACY_MAGIC = 0x1950A86A20F9469CFC6C
LEGACY_PROTOCOL = 1001

# Little-endian, whatever the reader's machine: the writer's byte order is checked.
_STORAGE_DTYPES = {
    "DoubleStorage": "<f8",
    "FloatStorage": "<f4",
    "HalfStorage": "<f2",
    "LongStorage": "<i8",
    "IntStorage": "<i4",
    "ShortStorage": "<i2",
    "CharStorage": "<i1",
    "ByteStorage": "<u1",
    "BoolStorage": "|b1",
}


class StateDictError(StreetloopError):
    """The file is no plain state dict of tensors, or is damaged."""


class _StandIn:
    """What the pickle gets instead of a name it asked for: it can be called, and nothing else."""

    __slots__ = ("call", "name")

    def __init__(self, name: str, call: Callable[..., Any]) -> None:
        self.name = name
        self.call = call

    def __call__(self, *args: Any) -> Any:
        return self.call(*args)

    def __setstate__(self, state: object) -> NoReturn:
        raise StateDictError(f"Expected a plain state dict; it tries to change {self.name}.")


class _Tensors(dict):
    """The OrderedDict of the file; the attributes that torch hangs on it (`_metadata`) are dropped.

    torch.save stores them as the state of the dict, which could otherwise set any attribute.
    """

    def __setstate__(self, state: object) -> None:
        del state


class _Storage(NamedTuple):
    dtype: str
    key: str
    numel: int


class _Pending(NamedTuple):
    """A tensor whose storage has not been read yet (sizes and strides in elements)."""

    storage: _Storage
    offset: int
    shape: tuple[int, ...]
    strides: tuple[int, ...]


def _new_dict(*args: Any) -> _Tensors:
    if args:
        raise StateDictError("Expected an empty OrderedDict that is filled key by key.")
    return _Tensors()


def _storage_type(*args: Any) -> NoReturn:
    raise StateDictError("Expected storages to be named only; the file tries to create one.")


def _pending(storage: Any, offset: Any, shape: Any, strides: Any, *_: Any) -> _Pending:
    """Stands for torch._utils._rebuild_tensor_v2; whether it needs a gradient is dropped."""
    numbers = (offset, *shape, *strides)
    if not isinstance(storage, _Storage) or len(shape) != len(strides):
        raise StateDictError("Expected a tensor over a storage, with one stride a dimension.")
    if not all(type(n) is int and n >= 0 for n in numbers):
        raise StateDictError(f"Expected sizes and strides of at least 0; got {numbers}.")
    return _Pending(storage, offset, tuple(shape), tuple(strides))


_ALLOWED = {
    ("collections", "OrderedDict"): _StandIn("OrderedDict", _new_dict),
    ("torch._utils", "_rebuild_tensor_v2"): _StandIn("_rebuild_tensor_v2", _pending),
    **{("torch", name): _StandIn(name, _storage_type) for name in _STORAGE_DTYPES},
}


class _Reader(pickle.Unpickler):
    """An unpickler that knows the names above and no other."""

    def find_class(self, module: str, name: str) -> Any:
        try:
            return _ALLOWED[module, name]
        except KeyError:
            raise StateDictError(
                f"Expected a plain state dict of tensors; the file asks for {module}.{name}, which "
                "could run code, so it is refused. Save model.state_dict() alone."
            ) from None

    def persistent_load(self, pid: Any) -> _Storage:
        # ("storage", type, key, device, number of elements[, view metadata])
        if not (
            isinstance(pid, tuple)
            and len(pid) in (5, 6)
            and pid[0] == "storage"
            and isinstance(pid[1], _StandIn)
            and pid[1].name in _STORAGE_DTYPES
            and isinstance(pid[2], str)
            and type(pid[4]) is int
            and pid[4] >= 0
            and (len(pid) == 5 or pid[5] is None)
        ):
            raise StateDictError(f"Expected a reference to a whole storage; got {pid!r:.200}.")
        return _Storage(_STORAGE_DTYPES[pid[1].name], pid[2], pid[4])


def _load(stream: io.BytesIO, what: str) -> Any:
    try:
        return _Reader(stream).load()
    except StateDictError:
        raise
    except Exception as error:  # a damaged pickle raises nearly anything
        raise StateDictError(f"Expected {what}; the pickle is damaged: {error}") from error


def _view(pending: _Pending, data: bytes | memoryview) -> np.ndarray:
    """Copies one tensor out of its storage's bytes, after checking that it lies inside."""
    storage, offset, shape, strides = pending
    dtype = np.dtype(storage.dtype)
    if len(data) != storage.numel * dtype.itemsize:
        raise StateDictError(
            f"Expected {storage.numel * dtype.itemsize} bytes in storage {storage.key}; "
            f"got {len(data)}. The file is damaged."
        )
    if math.prod(shape) == 0:
        return np.zeros(shape, dtype)
    last = offset + sum((n - 1) * stride for n, stride in zip(shape, strides, strict=True))
    # A stride of 0 could otherwise blow one element up to any size.
    if last >= storage.numel or math.prod(shape) > storage.numel:
        raise StateDictError(
            f"Expected a tensor within storage {storage.key} of {storage.numel} elements; got "
            f"shape {shape}, strides {strides}, offset {offset}."
        )
    flat = np.frombuffer(data, dtype)[offset:]
    steps = [stride * dtype.itemsize for stride in strides]
    return np.lib.stride_tricks.as_strided(flat, shape, steps, writeable=False).copy()


def _read_legacy(raw: bytes) -> tuple[Any, Callable[[_Storage], bytes | memoryview]]:
    stream = io.BytesIO(raw)
    magic = _load(stream, "torch's magic number")
    protocol = _load(stream, "torch's protocol version")
    if magic != LEGACY_MAGIC or protocol != LEGACY_PROTOCOL:
        raise StateDictError(f"Expected a file of torch.save; got magic number {magic!r:.60}.")
    system = _load(stream, "the writer's byte order")
    if not isinstance(system, dict) or system.get("little_endian") is not True:
        raise StateDictError("Expected a file written on a little-endian machine.")
    objects = _load(stream, "the state dict")
    keys = _load(stream, "the list of storage keys")
    sizes = {p.storage.key: p.storage for p in _pendings(objects)}
    blocks: dict[str, memoryview] = {}
    view, position = memoryview(raw), stream.tell()
    for key in keys if isinstance(keys, list) else ():
        if key not in sizes:
            raise StateDictError(f"Expected only storages that a tensor uses; got {key!r:.60}.")
        nbytes = sizes[key].numel * np.dtype(sizes[key].dtype).itemsize
        numel = int.from_bytes(view[position : position + 8], "little")
        block = view[position + 8 : position + 8 + nbytes]
        if numel != sizes[key].numel or len(block) != nbytes:
            raise StateDictError(f"Expected {nbytes} bytes for storage {key}: the file is cut off.")
        blocks[key], position = block, position + 8 + nbytes
    return objects, lambda storage: blocks[storage.key]


def _read_zip(raw: bytes) -> tuple[Any, Callable[[_Storage], bytes | memoryview]]:
    archive = zipfile.ZipFile(io.BytesIO(raw))
    # torch stores without compression; anything else could unpack to any size.
    if any(info.compress_type != zipfile.ZIP_STORED for info in archive.infolist()):
        raise StateDictError("Expected the uncompressed zip that torch writes; got a packed one.")
    pickles = [name for name in archive.namelist() if name.endswith("/data.pkl")]
    if len(pickles) != 1:
        raise StateDictError(f"Expected one data.pkl in the file; got {len(pickles)}.")
    root = pickles[0].removesuffix("data.pkl")
    names = set(archive.namelist())
    order = archive.read(f"{root}byteorder") if f"{root}byteorder" in names else b"little"
    if order != b"little":
        raise StateDictError("Expected a file written on a little-endian machine.")
    objects = _load(io.BytesIO(archive.read(pickles[0])), "the state dict")
    return objects, lambda storage: archive.read(f"{root}data/{storage.key}")


def _pendings(objects: Any) -> list[_Pending]:
    if not isinstance(objects, dict) or not all(
        isinstance(name, str) and isinstance(value, _Pending) for name, value in objects.items()
    ):
        raise StateDictError("Expected a flat dict of names and tensors.")
    return list(objects.values())


def read_state_dict(path: str | Path) -> dict[str, np.ndarray]:
    """Reads every tensor of a `torch.save(model.state_dict())` file.

    Returns:
      Name -> a NumPy array of the tensor's own shape (convolutions: [out, in, height, width]).

    Raises:
      StateDictError: the file is missing, damaged, or holds anything but named tensors.
    """
    try:
        raw = Path(path).read_bytes()
    except OSError as error:
        raise StateDictError(f"Expected weights at {path}: {error}") from error
    try:
        objects, storage_bytes = (_read_zip if raw[:4] == b"PK\x03\x04" else _read_legacy)(raw)
        return {
            name: _view(value, storage_bytes(value.storage))
            for name, value in zip(objects, _pendings(objects), strict=True)
        }
    except StateDictError as error:
        raise StateDictError(f"{path}: {error}") from error
    except Exception as error:  # a damaged zip or a senseless shape raises nearly anything, too
        raise StateDictError(f"{path}: the file is damaged: {error!r:.200}") from error
