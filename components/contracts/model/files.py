"""A model as it crosses a step boundary: `generator.keras`, `discriminator.keras`, `model.json`.

A saved generator is a functional Keras model of built-in layers: float32 [B, H, W, 3] in [0, 255]
(RGB, H and W divisible by 32) to logits [B, H, W, 19]. Loading it needs nothing of the train step.
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import numpy as np
from pydantic import Field, ValidationError

from components.contracts.process.errors import StreetloopError
from components.contracts.process.files import write_text
from components.contracts.recipe.base import Settings
from tfds_cityscapes.labels import NUM_CLASSES, table_hash

GENERATOR_FILE = "generator.keras"
DISCRIMINATOR_FILE = "discriminator.keras"
INFO_FILE = "model.json"
STRIDE = 32  # height and width of a generator's input are multiples of this


class ModelError(StreetloopError):
    """A stored model is missing, damaged, or made for another label table."""


class ModelInfo(Settings):
    """What `model.json` says.

    Attributes:
      model_id: see `model_id`; the name of the model's folder.
      label_table: `tfds_cityscapes.labels.table_hash` when it was trained.
      ledger_version: number of the last ledger event that the training saw.
      recipe: the resolved recipe.
      files: file name -> SHA-256 of its bytes, in hex.
    """

    model_id: str = Field(pattern=r"^[0-9a-f]{64}$")
    label_table: str
    ledger_version: int = Field(ge=0)
    recipe: dict[str, Any]
    files: dict[str, str]


def model_id(generator: Any, discriminator: Any = None) -> str:
    """Identifies trained networks by what they compute: SHA-256 over configuration and weights.

    A `.keras` file is a zip with the time of its making: two files of the same model differ. This
    does not, and a retried step arrives at the same id.
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
    """Writes a model's files into a folder, replacing what a failed attempt left there.

    `model.json` is written last, in one piece: a folder with it is complete.
    """
    folder.mkdir(parents=True, exist_ok=True)
    (folder / INFO_FILE).unlink(missing_ok=True)
    networks = {GENERATOR_FILE: generator, DISCRIMINATOR_FILE: discriminator}
    files = {}
    for name, network in networks.items():
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
    """Reads a `model.json` alone.

    Raises:
      ModelError: it is missing or malformed.
    """
    try:
        return ModelInfo.model_validate_json(path.read_text())
    except OSError as error:
        raise ModelError(f"Expected a model in {path.parent}; {error}. Train one first.") from error
    except (ValidationError, UnicodeDecodeError) as error:
        raise ModelError(f"Expected {path} as this program writes it; {error}") from error


def read_model_info(folder: Path) -> ModelInfo:
    """Reads `model.json` and checks the files beside it.

    Raises:
      ModelError: it is missing or malformed, a file's bytes have changed, or the label table has.
    """
    info = parse_model_info(folder / INFO_FILE)
    if info.label_table != table_hash():
        raise ModelError(
            f"Expected a model of label table {table_hash()[:12]}; the one in {folder} was "
            f"trained with {info.label_table[:12]}. Train again, or use its own version."
        )
    for name, expected in info.files.items():
        if not (folder / name).is_file() or _sha256(folder / name) != expected:
            raise ModelError(
                f"Expected {folder / name} with SHA-256 {expected[:12]}; it is missing or damaged. "
                "Restore the file, or roll back to another model."
            )
    return info


def load_generator(path: Path | str) -> Any:
    """Loads a generator for inference, without running any code that the file may carry.

    Args:
      path: a `.keras` file, or the model's folder (whose files are then checked).

    Raises:
      ModelError: the file is missing, unreadable, or no generator of this project's contract.
    """
    import keras

    path = Path(path)
    if path.is_dir():
        read_model_info(path)
        path = path / GENERATOR_FILE
    if not path.is_file():
        raise ModelError(f"Expected a generator at {path}; there is none. Train one first.")
    try:
        generator = keras.models.load_model(path, compile=False, safe_mode=True)
    except Exception as error:  # Keras raises many kinds for a damaged or unsafe file
        raise ModelError(f"Expected a Keras model of built-in layers in {path}; {error}") from error
    shapes = (tuple(generator.input_shape), tuple(generator.output_shape))
    if shapes != ((None, None, None, 3), (None, None, None, NUM_CLASSES)):
        raise ModelError(
            f"Expected a generator from [B, H, W, 3] to [B, H, W, {NUM_CLASSES}]; "
            f"{path} has {shapes}."
        )
    return generator


def pad_to_multiple(image: Any, multiple: int = STRIDE) -> np.ndarray:
    """Pads below and on the right, by repeating the border, up to a multiple; crop the result back.

    Args:
      image: [..., H, W, C], an array or an eager tensor.
      multiple: what H and W become divisible by.

    Returns:
      An array of the same dtype; the image is its top left part.
    """
    image = np.asarray(image)
    rows, columns = (-image.shape[axis] % multiple for axis in (-3, -2))
    widths = [(0, 0)] * (image.ndim - 3) + [(0, rows), (0, columns), (0, 0)]
    return np.pad(image, widths, mode="edge")


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
