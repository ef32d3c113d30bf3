"""Reading label maps: our decoder beside the general one, damaged files, and the same counts from both."""

import shutil
import struct
import zlib

import cv2
import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from PIL import Image

from components.evaluate.benchmark import compiled
from components.evaluate.benchmark.counts import count_pair
from components.evaluate.benchmark.id_files import ScoringError, read_ids
from tests.support.png_files import chunk
from tfds_cityscapes.masks.meaning import are_train_ids

needs_compiler = pytest.mark.skipif(not compiled.AVAILABLE, reason="installed without a C compiler")


def _png(rows, width, height, depth, color_type=0, interlaced=0):
    """A PNG of rows with their filter bytes, which are not checked."""
    header = struct.pack(">IIBBBBB", width, height, depth, color_type, 0, 0, interlaced)
    chunks = {b"IHDR": header, b"IDAT": zlib.compress(rows), b"IEND": b""}
    if color_type == 3:
        palette = (bytes(range(256)) * 3)[: 3 * 2**depth]
        chunks = {b"IHDR": header, b"PLTE": palette} | chunks
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunk(*one) for one in chunks.items())


def _both(path, monkeypatch):
    """Return what our decoder and the general one make of a file."""
    ours = read_ids(path)
    monkeypatch.setattr(compiled, "AVAILABLE", False)
    return ours, read_ids(path)


def test_compiled_loops_are_available_where_a_compiler_is():
    assert compiled.AVAILABLE or shutil.which("cc") is None


@needs_compiler
@settings(max_examples=200, deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1),
    height=st.integers(1, 12),
    width=st.integers(1, 70),
    depth=st.sampled_from([8, 16]),
    zeros=st.sampled_from([0.0, 0.5, 0.9, 0.98, 1.0]),
)
def test_our_decoder_equals_the_general_one_for_every_filter(
    tmp_path_factory, seed, height, width, depth, zeros
):
    rng = np.random.default_rng(seed)
    rows = rng.integers(0, 256, (height, 1 + width * depth // 8), np.uint8)
    rows[rng.random(rows.shape) < zeros] = 0
    rows[:, 0] = rng.integers(0, 5, height)
    path = tmp_path_factory.getbasetemp() / "random.png"
    path.write_bytes(_png(rows.tobytes(), width, height, depth))
    with pytest.MonkeyPatch.context() as monkeypatch:
        ours, theirs = _both(path, monkeypatch)
    assert ours.shape == theirs.shape == (height, width)
    assert ours.dtype.itemsize == theirs.dtype.itemsize
    np.testing.assert_array_equal(ours, theirs)


def _blocks(dtype=np.uint8):
    """A map of rectangles, which the writers filter in several ways."""
    rng = np.random.default_rng(3)
    ids = np.zeros((120, 200), dtype)
    for _ in range(80):
        y, x = rng.integers(0, 120), rng.integers(0, 200)
        ids[y : y + rng.integers(1, 40), x : x + rng.integers(1, 60)] = rng.integers(0, 34)
    return ids if dtype == np.uint8 else ids * np.uint16(1000)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
@pytest.mark.parametrize("writer", ["OpenCV", "Pillow"])
def test_read_ids_reads_files_of_both_writers(tmp_path, monkeypatch, dtype, writer):
    ids, path = _blocks(dtype), tmp_path / "ids.png"
    if writer == "Pillow":
        Image.fromarray(ids).save(path)
    else:
        cv2.imwrite(str(path), ids)
    for read in _both(path, monkeypatch):
        np.testing.assert_array_equal(read, ids)


@pytest.mark.parametrize("depth", [1, 2, 4, 8])
@pytest.mark.parametrize("color_type", [0, 3], ids=["gray", "palette"])
def test_files_of_every_depth_give_their_ids(tmp_path, depth, color_type):
    ids = np.arange(32).reshape(4, 8) % min(2**depth, 34)
    bits = np.unpackbits(ids.astype(np.uint8)[..., None], axis=-1)[..., -depth:]
    rows = np.packbits(bits.reshape(4, -1), axis=1)
    body = b"".join(b"\0" + row.tobytes() for row in rows)
    path = tmp_path / "ids.png"
    path.write_bytes(_png(body, 8, 4, depth, color_type))
    assert read_ids(path).tolist() == ids.tolist()


def test_interlaced_files_are_read(tmp_path):
    # Of an interlaced 1x3 image, the first pass holds row 0, the sixth row 2, the last row 1.
    path = tmp_path / "interlaced.png"
    path.write_bytes(_png(bytes([0, 7, 0, 9, 0, 8]), 1, 3, 8, interlaced=1))
    assert read_ids(path).tolist() == [[7], [8], [9]]


def test_read_ids_rejects_files_cut_off_or_changed_anywhere(tmp_path):
    path = tmp_path / "ids.png"
    ids = _blocks()[:30, :40]
    cv2.imwrite(str(path), ids)
    whole = path.read_bytes()
    for end in range(0, len(whole), 3):
        path.write_bytes(whole[:end])
        with pytest.raises(ScoringError, match=r"ids\.png"):
            read_ids(path)
    for place in range(len(whole)):
        path.write_bytes(whole[:place] + bytes([whole[place] ^ 0x55]) + whole[place + 1 :])
        with pytest.raises(ScoringError, match=r"ids\.png"):
            read_ids(path)


@pytest.mark.parametrize("available", [True, False])
@pytest.mark.parametrize(
    ("rows", "size"),
    [
        (bytes([0, 1, 2, 0, 3]), (2, 2)),  # a byte is missing
        (bytes([9, 1, 2, 0, 3, 4]), (2, 2)),  # no such filter
        (bytes(100), (2**31 - 1, 2**31 - 1)),  # far more pixels than data
        (bytes(100), (60_000, 60_000)),
        (b"", (0, 5)),
    ],
)
def test_read_ids_rejects_headers_that_do_not_fit_their_data(
    tmp_path, monkeypatch, rows, size, available
):
    monkeypatch.setattr(compiled, "AVAILABLE", compiled.AVAILABLE and available)
    path = tmp_path / "ids.png"
    path.write_bytes(_png(rows, *size, 8))
    with pytest.raises(ScoringError, match=r"ids\.png: The (rows of the )?PNG "):
        read_ids(path)


@needs_compiler
@settings(max_examples=100, deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1),
    size=st.tuples(st.integers(1, 9), st.integers(1, 150)),
    changes=st.sampled_from([0.0, 0.02, 0.3, 1.0]),
    with_instances=st.booleans(),
)
def test_compiled_counting_equals_numpy(seed, size, changes, with_instances):
    rng = np.random.default_rng(seed)

    def runs(values):
        """A map that holds each of some random values for a while."""
        drawn = rng.choice(values, size[0] * size[1])
        keep = np.maximum.accumulate(
            np.where(rng.random(drawn.size) < changes, range(drawn.size), 0)
        )
        return drawn[keep].reshape(size)

    truth = runs([*range(34), 255]).astype(np.uint8)
    assume(not are_train_ids(np.unique(truth).tolist()))
    prediction = runs(range(34)).astype(np.uint8)
    instances = None
    if with_instances:
        instances = runs([7, 24, 1000, 24000, 26001, 26002, 29000, 33999]).astype(">u2")
    assert compiled.can_count(truth, prediction, instances)
    fast = count_pair(truth, prediction, instances)
    with pytest.MonkeyPatch.context() as monkeypatch:
        monkeypatch.setattr(compiled, "AVAILABLE", False)
        plain = count_pair(truth, prediction, instances)
    np.testing.assert_array_equal(fast.confusion, plain.confusion)
    np.testing.assert_allclose(fast.weights, plain.weights, rtol=1e-12)
