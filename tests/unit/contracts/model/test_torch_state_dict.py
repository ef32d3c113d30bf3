"""Reading torch's files: tensors come out, no code runs, and damage costs no memory."""

import io
import os
import pickle
import re
import struct
import time
import tracemalloc
from collections import OrderedDict
from pathlib import Path

import numpy as np
import pytest

from components.contracts.model.encoders import torch_state_dict as reader
from components.contracts.model.encoders.efficientnet_lite import VARIANTS, imagenet_path

IMAGENET = imagenet_path(VARIANTS["efficientnet_lite0"])


class _Name:
    """Pickles as a global name, so that files can be made without torch."""

    def __init__(self, module, name):
        self.module, self.name = module, name


class _Tensor:
    def __init__(self, storage, offset, shape, strides):
        self.arguments = (storage, offset, shape, strides, False, OrderedDict())


class _Call:
    """Pickles as a call of a named function: what an attacker writes."""

    def __init__(self, module, name, *arguments):
        self.name, self.arguments = _Name(module, name), arguments


class _Writer(pickle._Pickler):  # the Python one, whose GLOBAL opcode can be written by hand
    def persistent_id(self, value):
        return value if isinstance(value, tuple) and value[:1] == ("storage",) else None

    def save(self, value, save_persistent_id=True):
        if isinstance(value, _Name):
            self.write(b"c" + f"{value.module}\n{value.name}\n".encode())
        elif isinstance(value, _Tensor):
            self.save_reduce(_Name("torch._utils", "_rebuild_tensor_v2"), value.arguments)
        elif isinstance(value, _Call):
            self.save_reduce(value.name, value.arguments)
        else:
            super().save(value, save_persistent_id)

    def save_reduce(self, func, args, *rest, **kwargs):
        if not isinstance(func, _Name):
            return super().save_reduce(func, args, *rest, **kwargs)
        self.save(func)
        self.save(args)
        self.write(pickle.REDUCE)
        return None


def _pickled(value):
    out = io.BytesIO()
    _Writer(out, protocol=2).dump(value)
    return out.getvalue()


def _storage(numel, key="7", kind="FloatStorage", module="torch", view=None):
    return ("storage", _Name(module, kind), key, "cpu", numel, view)


DATA = np.arange(6, dtype="<f4")  # what storage "7" holds
WHOLE = _Tensor(_storage(6), 0, (2, 3), (3, 1))


def _write(path: Path, pickled_objects, magic=reader.LEGACY_MAGIC, keys=("7",)):
    around = [_pickled(part) for part in (magic, reader.LEGACY_PROTOCOL, {"little_endian": True})]
    raw = b"".join([*around, pickled_objects, _pickled(list(keys))])
    path.write_bytes(raw + struct.pack("<q", len(DATA)) + DATA.tobytes())
    return path


def _state_dict(path: Path, **tensors):
    return _write(path, _pickled(OrderedDict(tensors)))


def test_reader_returns_named_tensors_with_their_offsets_and_strides(tmp_path):
    path = _state_dict(
        tmp_path / "w.pth",
        whole=WHOLE,
        transposed=_Tensor(_storage(6), 0, (3, 2), (1, 3)),
        tail=_Tensor(_storage(6), 4, (2,), (1,)),
        scalar=_Tensor(_storage(6), 5, (), ()),
        empty=_Tensor(_storage(6), 0, (0, 3), (3, 1)),
    )

    tensors = reader.read_state_dict(path)

    whole = np.arange(6, dtype=np.float32).reshape(2, 3)
    np.testing.assert_array_equal(tensors["whole"], whole)
    np.testing.assert_array_equal(tensors["transposed"], whole.T)
    np.testing.assert_array_equal(tensors["tail"], [4, 5])
    assert tensors["scalar"] == 5
    assert tensors["scalar"].shape == ()
    assert tensors["empty"].shape == (0, 3)


def test_reader_reads_the_installed_imagenet_file_completely():
    tensors = reader.read_state_dict(IMAGENET)

    assert len(tensors) == 296
    assert tensors["_conv_stem.weight"].shape == (32, 3, 3, 3)
    assert tensors["_conv_stem.weight"].dtype == np.float32
    assert tensors["_fc.weight"].shape == (1000, 1280)
    assert tensors["_bn0.num_batches_tracked"].dtype == np.int64
    assert all(np.isfinite(tensor).all() for tensor in tensors.values())
    assert (tensors["_bn0.running_var"] >= 0).all()


@pytest.mark.parametrize(
    ("module", "name"),
    [("os", "system"), ("builtins", "eval"), ("torch", "load"), ("collections", "Counter")],
)
def test_reader_rejects_any_other_name_and_runs_nothing(tmp_path, module, name):
    flag = tmp_path / "was_run"
    path = _state_dict(tmp_path / "w.pth", w=_Call(module, name, f"touch {flag}"))

    with pytest.raises(reader.StateDictError, match=f"GLOBAL {module} {name} has no place"):
        reader.read_state_dict(path)
    assert not flag.exists()


def test_reader_rejects_a_pickle_that_runs_code_in_place_of_the_magic_number(tmp_path):
    class Attack:
        def __reduce__(self):
            return os.system, (f"touch {tmp_path / 'was_run'}",)

    path = tmp_path / "w.pth"
    path.write_bytes(pickle.dumps(Attack(), protocol=2))

    with pytest.raises(reader.StateDictError, match="system has no place"):
        reader.read_state_dict(path)
    assert not (tmp_path / "was_run").exists()


@pytest.mark.parametrize(
    "tensor",
    [
        _Tensor(_storage(6), 3, (2, 3), (3, 1)),  # reads past the end
        _Tensor(_storage(6), 0, (2, 3), (9, 1)),
        _Tensor(_storage(6), 0, (10**9,), (0,)),  # repeats one element
        _Tensor(_storage(6), -1, (2,), (1,)),
        _Tensor(_storage(6), 0, (2,), (1, 1)),
        _Tensor(_storage(10**12), 0, (2,), (1,)),  # more than the file holds
        _Tensor(_storage(6, kind="load"), 0, (2,), (1,)),
        _Tensor(_storage(6, kind="system", module="os"), 0, (2,), (1,)),
        _Tensor(_storage(6, view=("7", 0, 6)), 0, (2,), (1,)),
        _Tensor("no storage", 0, (2,), (1,)),
        _Call("collections", "OrderedDict", [("a", 1)]),
        {"nested": 1},
        3,
    ],
)
def test_reader_rejects_a_tensor_that_is_not_what_it_says(tmp_path, tensor):
    with pytest.raises(reader.StateDictError):
        reader.read_state_dict(_state_dict(tmp_path / "w.pth", w=tensor))


@pytest.mark.parametrize(
    ("shape", "strides"),
    [
        ((1,), (2**62,)),
        ((2,), (2**62,)),
        ((2**40, 2**40), (0, 0)),
        ((0, 2**62, 2**62), (1, 1, 1)),
        ((1,) * 100, (1,) * 100),
    ],
)
def test_reader_rejects_a_senseless_shape_and_names_the_file(tmp_path, shape, strides):
    path = _state_dict(tmp_path / "w.pth", w=_Tensor(_storage(6), 0, shape, strides))
    with pytest.raises(reader.StateDictError, match=re.escape(str(path))):
        reader.read_state_dict(path)


def _rejected_cheaply(path):
    """The error, after checking that it took next to no time and memory."""
    tracemalloc.start()
    started = time.process_time()
    try:
        with pytest.raises(reader.StateDictError) as error:
            reader.read_state_dict(path)
        assert tracemalloc.get_traced_memory()[1] < 20 * 2**20
    finally:
        tracemalloc.stop()
    assert time.process_time() - started < 10
    return str(error.value)


@pytest.mark.parametrize("index", [2**24, 2**31 - 1, 2**32 - 1])
def test_reader_rejects_a_huge_memo_index_without_reserving_memory_for_it(tmp_path, index):
    """CPython's unpickler reserves 16 bytes times the index: 68 GB for the largest."""
    huge = b"r" + struct.pack("<I", index)  # LONG_BINPUT

    path = _write(tmp_path / "w.pth", b"\x80\x02}" + huge + b".")
    assert f"memo index {index}" in _rejected_cheaply(path)

    intact = IMAGENET.read_bytes()
    place = intact.index(b"r" + struct.pack("<I", 256))  # the first LONG_BINPUT of the real file
    path.write_bytes(intact[:place] + huge + intact[place + 5 : 60_000])
    assert f"memo index {index}" in _rejected_cheaply(path)


# A tuple that holds the one before it twice, 90 times: its hash or its text take 2^90 steps.
NESTED = b")q\x00" + b"".join(b"h%ch%c\x86q%c" % (n, n, n + 1) for n in range(90))
LAST = b"h\x5a"  # the outermost
REBUILD = b"ctorch._utils\n_rebuild_tensor_v2\n"


@pytest.mark.parametrize(
    ("pickled", "message"),
    [
        (NESTED + b"}" + LAST + b"K\x01s.", "a key is of type tuple"),
        (NESTED + LAST + b"Q.", "positional argument"),
        (NESTED + REBUILD + LAST + b"R.", "calls something else"),
        (NESTED + LAST + b")R.", "calls something else"),
        (NESTED + LAST + b".", "no attribute"),
        (b"X\xff\xff\xff\x7fabc.", "expected 2147483647 bytes"),
        (b"\x8b\xff\xff\xff\x7fabc.", "not enough data"),
        (b"\x8a\x01\x01\x94.", "MEMOIZE"),
        (b"(" * (2 << 20), "exhausted"),
    ],
)
def test_reader_rejects_a_hostile_pickle_cheaply(tmp_path, pickled, message):
    path = _write(tmp_path / "w.pth", b"\x80\x02" + pickled)
    assert message in _rejected_cheaply(path)


def test_reader_rejects_a_shape_of_nested_tuples_cheaply(tmp_path):
    nested = ()
    for _ in range(90):
        nested = (nested, nested)
    for shape, strides in ((nested, (1, 1)), ((2, 3), nested)):
        path = _state_dict(tmp_path / "w.pth", w=_Tensor(_storage(6), 0, shape, strides))
        _rejected_cheaply(path)


def test_reader_keeps_one_copy_of_a_storage_that_many_tensors_share(tmp_path):
    data = np.zeros(1 << 20, "<f4")
    tensor = _Tensor(_storage(data.size), 0, (data.size,), (1,))
    path = _write(tmp_path / "w.pth", _pickled(OrderedDict({f"w{i}": tensor for i in range(1000)})))
    raw = path.read_bytes()[: -8 - DATA.nbytes]
    path.write_bytes(raw + struct.pack("<q", data.size) + data.tobytes())

    tracemalloc.start()
    tensors = reader.read_state_dict(path)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()

    assert len(tensors) == 1000
    assert peak < 4 * data.nbytes


def test_reader_rejects_the_zip_format_and_says_how_to_convert_it(tmp_path):
    path = tmp_path / "w.pth"
    path.write_bytes(b"PK\x03\x04 and so on")

    with pytest.raises(reader.StateDictError, match=r"w\.pth.*zip.*_use_new_zipfile_serialization"):
        reader.read_state_dict(path)


def test_reader_rejects_another_magic_number(tmp_path):
    path = _write(tmp_path / "w.pth", _pickled({}), magic=reader.LEGACY_MAGIC + 1)
    with pytest.raises(reader.StateDictError, match="magic number"):
        reader.read_state_dict(path)


def test_reader_rejects_a_file_cut_off_anywhere(tmp_path):
    path = _state_dict(tmp_path / "w.pth", w=WHOLE)
    whole = path.read_bytes()
    for length in range(len(whole)):
        path.write_bytes(whole[:length])
        with pytest.raises(reader.StateDictError, match=r"Cannot read .*w\.pth"):
            reader.read_state_dict(path)


def test_reader_names_a_missing_file(tmp_path):
    with pytest.raises(reader.StateDictError, match=r"none\.pth"):
        reader.read_state_dict(tmp_path / "none.pth")


def test_reader_loads_or_rejects_whatever_bytes_are_damaged(tmp_path):
    path = _state_dict(tmp_path / "w.pth", w=WHOLE, v=_Tensor(_storage(6), 1, (2,), (1,)))
    whole, rng, rejected = path.read_bytes(), np.random.default_rng(9), 0
    tracemalloc.start()
    for _ in range(3000):
        raw = bytearray(whole)
        for place in rng.integers(0, len(raw), rng.integers(1, 4)):
            raw[place] = rng.integers(0, 256)
        path.write_bytes(raw)
        try:
            reader.read_state_dict(path)
        except reader.StateDictError:
            rejected += 1
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert rejected > 1000
    assert peak < 20 * 2**20


def test_reader_loads_or_rejects_the_imagenet_file_with_damaged_pickles(tmp_path):
    path = tmp_path / "w.pth"
    whole, rng, rejected = IMAGENET.read_bytes(), np.random.default_rng(4), 0
    for _ in range(40):
        raw = bytearray(whole)
        raw[rng.integers(0, 47_000)] ^= 1 << int(rng.integers(0, 8))
        path.write_bytes(raw)
        try:
            assert len(reader.read_state_dict(path)) <= 296
        except reader.StateDictError:
            rejected += 1
    assert rejected > 10
