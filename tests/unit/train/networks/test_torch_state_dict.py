"""The restricted reader of torch's files: real tensors come out, code does not run."""

import io
import os
import pickle
import re
import struct
import zipfile
from collections import OrderedDict
from pathlib import Path

import numpy as np
import pytest

from components.train.networks.encoders import torch_state_dict as reader
from components.train.networks.encoders.efficientnet_lite0 import imagenet_path


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


def _storage(numel, key="7", kind="FloatStorage", module="torch"):
    return ("storage", _Name(module, kind), key, "cpu", numel, None)


def _storage_for(write):
    """Storage "7" as that format refers to it."""
    return _storage(6) if write is _legacy else _storage(6)[:5]


DATA = np.arange(6, dtype="<f4")  # what storage "7" holds


def _legacy(path: Path, objects):
    parts = [
        reader.LEGACY_MAGIC,
        reader.LEGACY_PROTOCOL,
        {"little_endian": True},
        objects,
        ["7"],
    ]
    raw = b"".join(_pickled(part) for part in parts)
    path.write_bytes(raw + struct.pack("<q", len(DATA)) + DATA.tobytes())
    return path


def _zipped(path: Path, objects, compression=zipfile.ZIP_STORED):
    with zipfile.ZipFile(path, "w", compression) as archive:
        archive.writestr("archive/data.pkl", _pickled(objects))
        archive.writestr("archive/byteorder", "little")
        archive.writestr("archive/data/7", DATA.tobytes())
    return path


@pytest.mark.parametrize("write", [_legacy, _zipped])
def test_both_formats_give_named_tensors_with_offsets_and_strides(tmp_path, write):
    storage = _storage_for(write)
    objects = OrderedDict(
        whole=_Tensor(storage, 0, (2, 3), (3, 1)),
        transposed=_Tensor(storage, 0, (3, 2), (1, 3)),
        tail=_Tensor(storage, 4, (2,), (1,)),
        scalar=_Tensor(storage, 5, (), ()),
        empty=_Tensor(storage, 0, (0, 3), (3, 1)),
    )

    tensors = reader.read_state_dict(write(tmp_path / "w.pth", objects))

    whole = np.arange(6, dtype=np.float32).reshape(2, 3)
    np.testing.assert_array_equal(tensors["whole"], whole)
    np.testing.assert_array_equal(tensors["transposed"], whole.T)
    np.testing.assert_array_equal(tensors["tail"], [4, 5])
    assert tensors["scalar"] == 5
    assert tensors["scalar"].shape == ()
    assert tensors["empty"].shape == (0, 3)


def test_the_installed_imagenet_file_is_read_whole():
    tensors = reader.read_state_dict(imagenet_path())

    assert len(tensors) == 296
    assert tensors["_conv_stem.weight"].shape == (32, 3, 3, 3)
    assert tensors["_conv_stem.weight"].dtype == np.float32
    assert tensors["_fc.weight"].shape == (1000, 1280)
    assert tensors["_bn0.num_batches_tracked"].dtype == np.int64
    assert all(np.isfinite(tensor).all() for tensor in tensors.values())
    assert (tensors["_bn0.running_var"] >= 0).all()


@pytest.mark.parametrize("write", [_legacy, _zipped])
@pytest.mark.parametrize(
    ("module", "name"),
    [("os", "system"), ("builtins", "eval"), ("torch", "load"), ("collections", "Counter")],
)
def test_a_pickle_that_asks_for_another_name_is_refused_and_runs_nothing(
    tmp_path, write, module, name
):
    flag = tmp_path / "was_run"
    objects = OrderedDict(w=_Call(module, name, f"touch {flag}"))

    with pytest.raises(reader.StateDictError, match=f"{module}.{name}.*refused"):
        reader.read_state_dict(write(tmp_path / "w.pth", objects))
    assert not flag.exists()


def test_a_pickle_that_runs_code_in_place_of_the_magic_number_is_refused(tmp_path):
    class Attack:
        def __reduce__(self):
            return os.system, (f"touch {tmp_path / 'was_run'}",)

    path = tmp_path / "w.pth"
    path.write_bytes(pickle.dumps(Attack(), protocol=2))

    with pytest.raises(reader.StateDictError, match="refused"):
        reader.read_state_dict(path)
    assert not (tmp_path / "was_run").exists()


def test_an_allowed_name_cannot_be_changed_through_its_state(tmp_path):
    path = tmp_path / "w.pth"
    # GLOBAL, EMPTY_DICT, BUILD, STOP: sets attributes of the function itself.
    path.write_bytes(b"\x80\x02ctorch._utils\n_rebuild_tensor_v2\n}b.")

    with pytest.raises(reader.StateDictError, match="tries to change"):
        reader.read_state_dict(path)


@pytest.mark.parametrize(
    "tensor",
    [
        _Tensor(_storage(6), 3, (2, 3), (3, 1)),  # reads past the end
        _Tensor(_storage(6), 0, (2, 3), (9, 1)),
        _Tensor(_storage(6), 0, (10**9,), (0,)),  # one element blown up
        _Tensor(_storage(6), -1, (2,), (1,)),
        _Tensor(_storage(6), 0, (2,), (1, 1)),
        _Tensor(_storage(10**12), 0, (2,), (1,)),  # more than the file holds
        _Tensor(_storage(6, kind="load"), 0, (2,), (1,)),
        _Tensor(_storage(6, kind="system", module="os"), 0, (2,), (1,)),
        _Tensor("no storage", 0, (2,), (1,)),
        {"nested": 1},
        3,
    ],
)
def test_a_tensor_that_is_not_what_it_says_is_refused(tmp_path, tensor):
    with pytest.raises(reader.StateDictError):
        reader.read_state_dict(_legacy(tmp_path / "w.pth", OrderedDict(w=tensor)))


def test_a_packed_zip_is_refused(tmp_path):
    objects = OrderedDict(w=_Tensor(_storage(6)[:5], 0, (6,), (1,)))
    path = _zipped(tmp_path / "w.pth", objects, compression=zipfile.ZIP_DEFLATED)

    with pytest.raises(reader.StateDictError, match="uncompressed"):
        reader.read_state_dict(path)


@pytest.mark.parametrize("keep", [0, 10, 100, -1])
def test_a_damaged_file_says_so_and_names_itself(tmp_path, keep):
    path = _legacy(tmp_path / "w.pth", OrderedDict(w=_Tensor(_storage(6), 0, (6,), (1,))))
    path.write_bytes(path.read_bytes()[:keep])

    with pytest.raises(reader.StateDictError, match=r"w\.pth: Expected"):
        reader.read_state_dict(path)


def test_a_missing_file_says_where_it_was_expected(tmp_path):
    with pytest.raises(reader.StateDictError, match=r"none\.pth"):
        reader.read_state_dict(tmp_path / "none.pth")


@pytest.mark.parametrize("write", [_legacy, _zipped])
@pytest.mark.parametrize(
    ("shape", "strides"),
    [((1,), (2**62,)), ((0, 2**62, 2**62), (1, 1, 1)), ((1,) * 100, (1,) * 100)],
)
def test_a_senseless_shape_is_refused_in_one_message(tmp_path, write, shape, strides):
    storage = _storage_for(write)
    path = write(tmp_path / "w.pth", OrderedDict(w=_Tensor(storage, 0, shape, strides)))
    with pytest.raises(reader.StateDictError, match=re.escape(str(path))):
        reader.read_state_dict(path)


@pytest.mark.parametrize("write", [_legacy, _zipped])
def test_whatever_byte_is_damaged_no_other_error_comes(tmp_path, write):
    storage = _storage_for(write)
    path = write(tmp_path / "w.pth", OrderedDict(w=_Tensor(storage, 0, (2, 3), (3, 1))))
    whole, rng, refused = path.read_bytes(), np.random.default_rng(9), 0
    for _ in range(1500):
        raw = bytearray(whole)
        for place in rng.integers(0, len(raw), rng.integers(1, 4)):
            raw[place] = rng.integers(0, 256)
        path.write_bytes(raw)
        try:
            reader.read_state_dict(path)
        except reader.StateDictError:
            refused += 1
    assert refused > 500
