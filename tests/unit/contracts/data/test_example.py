"""Records without TensorFlow, compared with TensorFlow's own reader and writer."""

from pathlib import Path

import pytest
import tensorflow as tf
from google.protobuf.message import DecodeError

from components.contracts.data.example import decode, encode
from components.contracts.data.frames import read_frames, write_frames


def test_tensorflow_reads_what_is_encoded() -> None:
    example = tf.train.Example.FromString(encode({"image": b"\x00\xff", "height": 1024}))
    assert example.features.feature["image"].bytes_list.value[:] == [b"\x00\xff"]
    assert example.features.feature["height"].int64_list.value[:] == [1024]
    assert len(example.features.feature) == 2


def test_decode_reads_every_kind_that_tensorflow_writes() -> None:
    example = tf.train.Example()
    example.features.feature["image"].bytes_list.value.extend([b"a", b"b"])
    example.features.feature["share"].float_list.value.append(0.5)
    example.features.feature["height"].int64_list.value.append(-3)
    example.features.feature["label"].SetInParent()
    found = decode(example.SerializeToString())
    assert found == {"image": [b"a", b"b"], "share": [0.5], "height": [-3]}


def test_decode_rejects_what_is_no_example() -> None:
    with pytest.raises(DecodeError):
        decode(b"\xff" * 8)


def test_tensorflow_accepts_the_checksums_of_a_written_file(tmp_path: Path) -> None:
    records = [b"", b"one", bytes(range(256)) * 300]
    path = tmp_path / "train.tfrecord"
    write_frames(path, records)
    assert list(tf.data.TFRecordDataset(str(path)).as_numpy_iterator()) == records
    assert [data for _, data in read_frames(path)] == records
