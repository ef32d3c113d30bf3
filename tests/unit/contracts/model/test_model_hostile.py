"""Model files that nobody trained: each is a generator, or is rejected in words."""

from __future__ import annotations

import json
import tempfile
import warnings
import zipfile
from io import BytesIO
from pathlib import Path

import keras
import pytest
from hypothesis import event, given
from hypothesis import strategies as st

from components.contracts.model.files import ModelError, load_generator, parse_model_info
from tests.support.damage import damaged_bytes, examples
from tests.support.hostile_exports import distorted_json

pytestmark = pytest.mark.filterwarnings("ignore")  # Keras warns of much that it then rejects
INFO = next((Path(__file__).parents[3] / "fixtures").rglob("model.json")).read_bytes()


def _members() -> dict[str, bytes]:
    keras.utils.set_random_seed(1)
    image = keras.Input((None, None, 3))
    hidden = keras.layers.Conv2D(4, 3, padding="same", activation="relu")(image)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "generator.keras"
        keras.Model(image, keras.layers.Conv2D(19, 1)(hidden)).save(path)
        with zipfile.ZipFile(path) as archive:
            return {name: archive.read(name) for name in archive.namelist()}


with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # from TensorFlow's variables, with NumPy 2
    MEMBERS = _members()


def packed(members: dict[str, bytes]) -> bytes:
    stream = BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return stream.getvalue()


def must_hold(folder: Path, content: bytes) -> None:
    path = folder / "generator.keras"
    path.write_bytes(content)
    try:
        generator = load_generator(path)
        assert generator.count_params() < 10_000
        event("loaded")
    except ModelError:
        event("rejected")


@given(damaged_bytes(packed(MEMBERS)))
@examples(40)
def test_a_damaged_file_is_a_generator_or_rejected(tmp_path: Path, content: bytes) -> None:
    must_hold(tmp_path, content)


@given(st.sampled_from(sorted(MEMBERS)), st.data())
@examples(40)
def test_a_damaged_member_is_a_generator_or_rejected(
    tmp_path: Path, name: str, data: st.DataObject
) -> None:
    must_hold(tmp_path, packed(MEMBERS | {name: data.draw(damaged_bytes(MEMBERS[name]))}))


@given(distorted_json(json.loads(MEMBERS["config.json"])))
@examples(40)
def test_a_distorted_configuration_is_a_generator_or_rejected(
    tmp_path: Path, configuration: object
) -> None:
    must_hold(tmp_path, packed(MEMBERS | {"config.json": json.dumps(configuration).encode()}))


@given(st.one_of(damaged_bytes(INFO), distorted_json(json.loads(INFO)).map(json.dumps)))
@examples(100)
def test_a_model_json_is_read_or_rejected(tmp_path: Path, content: bytes | str) -> None:
    path = tmp_path / "model.json"
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    try:
        parse_model_info(path)
        event("read")
    except ModelError:
        event("rejected")
