"""Weights files that ask for far more memory than they hold."""

from __future__ import annotations

import json
import resource
import zipfile
from pathlib import Path
from typing import Any

import h5py
import pytest

from components.contracts.model.files import ModelError, load_generator
from components.contracts.model.untrusted import TooLargeError, check_hdf5_file
from components.contracts.process.errors import StreetloopError

pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation doesn't accept a copy")

ALLOWED = 400 << 10  # KiB above what the process has


@pytest.fixture(autouse=True)
def _bounded() -> Any:
    """Fail the test if it took more memory than a small file may."""
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    yield
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < ALLOWED


@pytest.fixture(scope="module")
def parts(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """The members of a small generator's file."""
    import keras

    inputs = keras.Input((None, None, 3))
    hidden = keras.layers.Conv2D(8, 3, padding="same", name="hidden")(inputs)
    path = tmp_path_factory.mktemp("model") / "generator.keras"
    keras.Model(inputs, keras.layers.Conv2D(19, 1, name="logits")(hidden)).save(path)
    with zipfile.ZipFile(path) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def _pack(path: Path, parts: dict[str, bytes], how: int = zipfile.ZIP_STORED) -> Path:
    with zipfile.ZipFile(path, "w", how) as archive:
        for name, data in parts.items():
            archive.writestr(name, data)
    return path


def test_an_honest_generator_loads(parts: dict[str, bytes], tmp_path: Path) -> None:
    generator = load_generator(_pack(tmp_path / "generator.keras", parts))
    assert generator.count_params() == 8 * 28 + 19 * 9


def test_a_configuration_of_a_huge_network_is_rejected(
    parts: dict[str, bytes], tmp_path: Path
) -> None:
    content = json.loads(parts["config.json"])
    for layer in content["config"]["layers"]:
        if layer["config"]["name"] == "hidden":
            layer["config"]["filters"] = 200_000_000
        if layer["config"]["name"] == "logits":
            layer["build_config"]["input_shape"] = [None, None, None, 200_000_000]
    path = _pack(
        tmp_path / "generator.keras", parts | {"config.json": json.dumps(content).encode()}
    )
    with pytest.raises(ModelError, match=r"asks for 376[0-9]{8} bytes of weights"):
        load_generator(path)


def test_a_zip_bomb_is_rejected(parts: dict[str, bytes], tmp_path: Path) -> None:
    bomb = parts | {"model.weights.h5": bytes(300 << 20)}
    path = _pack(tmp_path / "generator.keras", bomb, zipfile.ZIP_DEFLATED)
    with pytest.raises(ModelError, match="expands to 314"):
        load_generator(path)


def _weights(path: Path, **options: Any) -> Path:
    with h5py.File(path, "w") as file:
        file.create_dataset("layer/kernel", dtype="f4", **options)
    return path


def test_a_shape_of_which_nothing_is_stored_is_rejected(
    parts: dict[str, bytes], tmp_path: Path
) -> None:
    path = _weights(tmp_path / "weights.h5", shape=(10**6, 10**4), chunks=(10**3, 10**3))
    assert path.stat().st_size < 10_000
    with pytest.raises(TooLargeError, match=r"layer/kernel claims the shape \(1000000, 10000\)"):
        check_hdf5_file(path)
    with pytest.raises(ModelError, match="claims the shape"):
        load_generator(
            _pack(tmp_path / "generator.keras", parts | {"model.weights.h5": path.read_bytes()})
        )


def test_weights_that_refer_to_other_files_are_rejected(tmp_path: Path) -> None:
    path = tmp_path / "weights.h5"
    with h5py.File(path, "w") as file:
        file["kernel"] = h5py.ExternalLink("/etc/passwd", "x")
    with pytest.raises(TooLargeError, match="kernel is a link"):
        check_hdf5_file(path)
    stored = [("/etc/passwd", 0, 400)]
    with pytest.raises(TooLargeError, match="refers to another file"):
        check_hdf5_file(_weights(path, shape=(100,), external=stored))


def test_a_file_that_contains_itself_ends(tmp_path: Path) -> None:
    path = _weights(tmp_path / "weights.h5", shape=(3,))
    with h5py.File(path, "a") as file:
        file["layer/again"] = file["layer"]
    check_hdf5_file(path)


@pytest.mark.parametrize("name", ["mobilenet_v2", "resnet50"])
def test_an_encoder_reads_no_hostile_weights(name: str, tmp_path: Path) -> None:
    import keras

    from components.contracts.model.encoders.applications import build

    path = _weights(tmp_path / "weights.weights.h5", shape=(10**10,), chunks=(1000,))
    with pytest.raises(StreetloopError, match=f"Cannot read {path} as weights of {name}"):
        build(name, keras.Input((64, 64, 3)), str(path), 0.9)
