"""Read the tensors of a torch state dict, without torch and without an unpickler.

A pickle is a program: an unpickler runs any code that the file names, and CPython's reserves
16 bytes times the largest memo index in the file. The loop here knows the opcodes that torch writes
for a state dict and no others, calls nothing that the file names, and allocates in proportion to
the file's size at most.

Format (torch/serialization.py, `_legacy_save`): five pickles (magic number, protocol version, system
information, state dict, storage keys), then for each key its number of elements as int64 and its
elements, all little-endian.
"""

from __future__ import annotations

import io
import pickletools
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from components.contracts.process.errors import StreetloopError

LEGACY_MAGIC = 0x1950A86A20F9469CFC6C
LEGACY_PROTOCOL = 1001
PICKLE_LIMIT = 1 << 20  # bytes of all five pickles; EfficientNet-Lite0's take 47 kB

_ORDERED_DICT, _TENSOR = "collections OrderedDict", "torch._utils _rebuild_tensor_v2"
_DTYPES = {
    "torch DoubleStorage": "<f8",
    "torch FloatStorage": "<f4",
    "torch HalfStorage": "<f2",
    "torch LongStorage": "<i8",
}
_CONSTANTS = {"NONE": None, "NEWTRUE": True, "NEWFALSE": False, "EMPTY_TUPLE": ()}


class StateDictError(StreetloopError):
    """A weights file is not a plain state dict of tensors, or is damaged."""


class _Storage(NamedTuple):
    dtype: str
    key: str
    numel: int


class _Tensor(NamedTuple):
    """Offset and strides are in elements of the storage."""

    storage: _Storage
    offset: int
    shape: tuple[int, ...]
    strides: tuple[int, ...]


def _evaluate(file: io.BytesIO) -> Any:
    """Evaluate the next pickle; what it names stays a string, such as `torch FloatStorage`."""
    stack: list[Any] = []
    marks: list[int] = []
    memo: list[Any] = []

    def pop_from(start: int) -> list[Any]:
        items = stack[start:]
        del stack[start:]
        return items

    argument: Any
    for opcode, argument, _ in pickletools.genops(file):
        match opcode.name:
            case "PROTO":
                pass
            case "BININT" | "BININT1" | "BININT2" | "LONG1" | "BINUNICODE":
                stack.append(argument)
            case name if name in _CONSTANTS:
                stack.append(_CONSTANTS[name])
            case "EMPTY_DICT":
                stack.append({})
            case "EMPTY_LIST":
                stack.append([])
            case "MARK":
                marks.append(len(stack))
            case "TUPLE" | "TUPLE1" | "TUPLE2" | "TUPLE3" as name:
                start = marks.pop() if name == "TUPLE" else -int(name[-1])
                stack.append(tuple(pop_from(start)))
            case "BINPUT" | "LONG_BINPUT":
                if argument != len(memo):  # torch's picklers count up from 0
                    raise StateDictError(f"memo index {argument} follows {len(memo)} entries")
                memo.append(stack[-1])
            case "BINGET" | "LONG_BINGET":
                stack.append(memo[argument])
            case "GLOBAL" if argument in (*_DTYPES, _ORDERED_DICT, _TENSOR):
                stack.append(argument)
            case "REDUCE":
                stack.append(_call(*pop_from(-2)))
            case "BINPERSID":
                stack.append(_storage(*stack.pop()))
            case "APPEND" | "APPENDS" as name:
                items = pop_from(-1 if name == "APPEND" else marks.pop())
                stack[-1].extend(items)
            case "SETITEM" | "SETITEMS" as name:
                items = pop_from(-2 if name == "SETITEM" else marks.pop())
                stack[-1].update(zip(map(_text, items[::2]), items[1::2], strict=True))
            case "BUILD":  # drops torch's `_metadata`
                stack.pop()
            case "STOP":
                return stack.pop()
            case name:
                raise StateDictError(f"{name} {str(argument)[:80]} has no place in a state dict")


def _text(value: Any) -> str:
    """Reject any other key: the hash of a tuple can take exponential time."""
    if not isinstance(value, str):
        raise StateDictError(f"a key is of type {type(value).__name__}")
    return value


def _call(name: Any, arguments: Any) -> Any:
    """Stand in for the two functions that a state dict calls."""
    if name == _ORDERED_DICT and arguments == ():
        return {}
    if name == _TENSOR and isinstance(arguments[0], _Storage):
        return _Tensor(*arguments[:4])
    raise StateDictError("it calls something else than OrderedDict() and tensors over a storage")


def _storage(kind: Any, name: Any, key: Any, _: Any, numel: Any, view: Any) -> _Storage:
    if kind != "storage" or view is not None:
        raise StateDictError("a tensor refers to something else than a whole storage")
    return _Storage(_DTYPES[_text(name)], _text(key), numel)


def _tensors(raw: bytes) -> dict[str, np.ndarray]:
    file = io.BytesIO(raw[:PICKLE_LIMIT])
    magic, protocol, _, tensors, keys = [_evaluate(file) for _ in range(5)]
    if (magic, protocol) != (LEGACY_MAGIC, LEGACY_PROTOCOL):
        raise StateDictError("the magic number or the protocol version is wrong")
    if not all(isinstance(tensor, _Tensor) for tensor in tensors.values()):
        raise StateDictError("it holds something else than named tensors")
    storages = {tensor.storage.key: tensor.storage for tensor in tensors.values()}
    blocks: dict[str, np.ndarray] = {}
    position = file.tell()
    for key in keys:
        dtype, _, numel = storages[_text(key)]
        if int.from_bytes(raw[position : position + 8], "little") != numel:
            raise StateDictError(f"storage {key} differs in size from what its tensors say")
        # Copied once a storage, not once a tensor, and for the alignment.
        blocks[key] = np.frombuffer(raw, dtype, numel, position + 8).copy()
        position += 8 + blocks[key].nbytes
    return {name: _view(tensor, blocks[tensor.storage.key]) for name, tensor in tensors.items()}


def _view(tensor: _Tensor, block: np.ndarray) -> np.ndarray:
    """View a tensor in its storage; NumPy checks that it lies inside."""
    size = block.itemsize
    strides = [stride * size for stride in tensor.strides]
    view: np.ndarray = np.ndarray(tensor.shape, block.dtype, block, tensor.offset * size, strides)
    if view.size > block.size:  # a stride of 0 repeats an element as often as the shape says
        raise StateDictError(f"shape {tensor.shape} exceeds the storage's {block.size} elements")
    return view


def read_state_dict(path: str | Path) -> dict[str, np.ndarray]:
    """Read every tensor of a file that `torch.save(model.state_dict(), ...)` wrote.

    Returns:
      Name -> an array of the tensor's own shape (convolutions: [out, in, height, width]).

    Raises:
      StateDictError: the file is missing, damaged, or holds anything but named tensors.
    """
    try:
        raw = Path(path).read_bytes()
        if raw.startswith(b"PK"):
            raise StateDictError(
                "it is a zip file. Load it with torch and write it again with torch.save("
                "state_dict, file, _use_new_zipfile_serialization=False)"
            )
        return _tensors(raw)
    except Exception as error:  # a damaged file raises nearly anything
        raise StateDictError(
            f"Cannot read {path} as a torch state dict in the legacy format: {error}."
        ) from error
