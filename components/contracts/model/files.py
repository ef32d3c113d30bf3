"""A model as it crosses a step boundary: `generator.keras`, `discriminator.keras`, `model.json`.

A saved generator is a functional Keras model of built-in layers: float32 [B, H, W, 3] in [0, 255]
(RGB, H and W divisible by 32) to logits [B, H, W, 19]. Loading it needs no code of the train step.
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import numpy as np
from pydantic import Field, ValidationError

from components.contracts.model.untrusted import check_keras_file
from components.contracts.process.errors import StreetloopError
from components.contracts.process.files import write_text
from components.contracts.recipe.base import Settings
from tfds_cityscapes.labels import NUM_CLASSES, table_hash

GENERATOR_FILE = "generator.keras"
DISCRIMINATOR_FILE = "discriminator.keras"
INFO_FILE = "model.json"


class ModelError(StreetloopError):
    """A stored model is missing, damaged, or made for another label table."""


class ModelInfo(Settings):
    """The content of `model.json`.

    Attributes:
      model_id: see `model_id`; the name of the model's folder.
      label_table: `tfds_cityscapes.labels.table_hash` at the time of training.
      ledger_version: number of the last ledger event before the training.
      recipe: the resolved recipe.
      files: file name -> SHA-256 of its bytes, in hex.
    """

    model_id: str = Field(pattern=r"^[0-9a-f]{64}$")
    label_table: str
    ledger_version: int = Field(ge=0)
    recipe: dict[str, Any]
    files: dict[str, str]


def model_id(generator: Any, discriminator: Any = None) -> str:
    """Identify trained networks by what they compute: SHA-256 of configuration and weights, in hex.

    A `.keras` file is a zip with timestamps, so two files of one model differ. Their ids do not:
    a retried step comes to the same id.
    """
    digest = hashlib.sha256()
    for network in (generator, discriminator):
        if network is None:
            continue
        digest.update(network.to_json().encode())
        for weight in network.weights:
            value = np.asarray(weight.numpy())
            digest.update(f"{weight.path} {value.shape} {value.dtype}".encode())
            digest.update(value.tobytes())
    return digest.hexdigest()


def save_model(
    folder: Path,
    generator: Any,
    discriminator: Any = None,
    *,
    recipe: dict[str, Any],
    ledger_version: int,
) -> ModelInfo:
    """Write a model's files into a folder, replacing those of a failed attempt.

    `model.json` is written last and atomically: a folder that has it is complete.
    """
    folder.mkdir(parents=True, exist_ok=True)
    (folder / INFO_FILE).unlink(missing_ok=True)
    files = {}
    for name, network in ((GENERATOR_FILE, generator), (DISCRIMINATOR_FILE, discriminator)):
        (folder / name).unlink(missing_ok=True)
        if network is not None:
            network.save(folder / name)
            files[name] = _sha256(folder / name)
    info = ModelInfo(
        model_id=model_id(generator, discriminator),
        label_table=table_hash(),
        ledger_version=ledger_version,
        recipe=recipe,
        files=files,
    )
    content = json.dumps(info.model_dump(), indent=2, sort_keys=True) + "\n"
    write_text(folder / INFO_FILE, content)
    return info


def parse_model_info(path: Path) -> ModelInfo:
    """Read a `model.json`, without looking at the files beside it.

    Raises:
      ModelError: it is missing or malformed.
    """
    try:
        return ModelInfo.model_validate_json(path.read_text())
    except OSError as error:
        raise ModelError(f"No model in {path.parent}: {error}. Train one first.") from error
    except (ValidationError, UnicodeDecodeError) as error:
        raise ModelError(f"{path} is malformed: {error}") from error


def read_model_info(folder: Path) -> ModelInfo:
    """Read `model.json` and check the files beside it.

    Raises:
      ModelError: it is missing or malformed, or a file's bytes or the label table have changed.
    """
    info = parse_model_info(folder / INFO_FILE)
    if info.label_table != table_hash():
        raise ModelError(
            f"The model in {folder} was trained with label table {info.label_table[:12]}, but this "
            f"version has {table_hash()[:12]}. Train again, or use the version that trained it."
        )
    for name, expected in info.files.items():
        if not (folder / name).is_file() or _sha256(folder / name) != expected:
            raise ModelError(
                f"{folder / name} is missing or damaged: its SHA-256 should be {expected[:12]}. "
                "Restore the file, or roll back to another model."
            )
    return info


def load_generator(path: Path | str) -> Any:
    """Load a generator for inference, without running any code from the file.

    The memory that this takes is bounded by the file's size.

    Args:
      path: a `.keras` file, or a model's folder, whose files are then checked.

    Raises:
      ModelError: the file is missing or unreadable, or its shapes are not those of a generator.
    """
    path = Path(path)
    if path.is_dir():
        read_model_info(path)
        path = path / GENERATOR_FILE
    if not path.is_file():
        raise ModelError(f"Generator not found: {path}. Train one first.")
    generator = load_network(path)
    shapes = (tuple(generator.input_shape), tuple(generator.output_shape))
    if shapes != ((None, None, None, 3), (None, None, None, NUM_CLASSES)):
        raise ModelError(
            f"{path} is not a generator: its shapes are {shapes}. Expected [B, H, W, 3] to "
            f"[B, H, W, {NUM_CLASSES}]."
        )
    return generator


def load_network(path: Path) -> Any:
    """Load a `.keras` file, which holds built-in layers only, without running any code from it.

    Raises:
      ModelError: it is something else.
    """
    import keras

    try:
        check_keras_file(path)
        return keras.models.load_model(path, compile=False, safe_mode=True)
    except Exception as error:  # Keras raises many kinds for a damaged or unsafe file
        raise ModelError(f"{path} is not a Keras model of built-in layers: {error}") from error


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
