"""The format of one record, tf.train.Example, without TensorFlow: importing that takes seconds.

The message is built from its published definition (tensorflow/core/example/feature.proto), in a pool
of its own, so that a process may import TensorFlow as well.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from google.protobuf.descriptor_pb2 import (
    DescriptorProto,
    FieldDescriptorProto,
    FileDescriptorProto,
)
from google.protobuf.descriptor_pool import DescriptorPool
from google.protobuf.message_factory import GetMessageClass

_FIELD = FieldDescriptorProto
_KINDS = (
    ("bytes_list", "BytesList", _FIELD.TYPE_BYTES),
    ("float_list", "FloatList", _FIELD.TYPE_FLOAT),
    ("int64_list", "Int64List", _FIELD.TYPE_INT64),
)


def _message_class() -> Any:
    file = FileDescriptorProto(
        name="streetloop/example.proto", package="streetloop", syntax="proto3"
    )
    feature = DescriptorProto(name="Feature")
    feature.oneof_decl.add(name="kind")
    for number, (field, message, kind) in enumerate(_KINDS, 1):
        values = file.message_type.add(name=message)
        values.field.add(name="value", number=1, type=kind, label=_FIELD.LABEL_REPEATED)
        _add(feature, field, number, message).oneof_index = 0
    file.message_type.append(feature)
    features = file.message_type.add(name="Features")
    entry = features.nested_type.add(name="FeatureEntry")
    entry.options.map_entry = True
    entry.field.add(name="key", number=1, type=_FIELD.TYPE_STRING, label=_FIELD.LABEL_OPTIONAL)
    _add(entry, "value", 2, "Feature")
    _add(features, "feature", 1, "Features.FeatureEntry").label = _FIELD.LABEL_REPEATED
    _add(file.message_type.add(name="Example"), "features", 1, "Features")
    pool = DescriptorPool()
    pool.Add(file)
    return GetMessageClass(pool.FindMessageTypeByName("streetloop.Example"))


def _add(message: DescriptorProto, name: str, number: int, of: str) -> FieldDescriptorProto:
    """Add a field that holds another message of the file."""
    return message.field.add(
        name=name,
        number=number,
        type=_FIELD.TYPE_MESSAGE,
        type_name=f".streetloop.{of}",
        label=_FIELD.LABEL_OPTIONAL,
    )


_Example = _message_class()


def decode(data: bytes) -> dict[str, list[Any]]:
    """Return the features of a record; a feature without values is left out.

    Raises:
      google.protobuf.message.DecodeError: `data` is not a tf.train.Example.
    """
    example = _Example.FromString(data)
    return {
        name: list(getattr(feature, feature.WhichOneof("kind")).value)
        for name, feature in example.features.feature.items()
        if feature.WhichOneof("kind")
    }


def encode(features: Mapping[str, bytes | int]) -> bytes:
    """Return a record with one value per feature; equal features give equal bytes."""
    example = _Example()
    for name, value in features.items():
        feature = example.features.feature[name]
        values = feature.bytes_list if isinstance(value, bytes) else feature.int64_list
        values.value.append(value)
    data: bytes = example.SerializeToString(deterministic=True)
    return data
