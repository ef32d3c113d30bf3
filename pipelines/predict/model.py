"""Which model `streetloop predict` loads, and how that model was shown images when it was trained."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from components.contracts.process.errors import StreetloopError
from components.contracts.recipe.inference import InferenceSettings

_SAME_SHAPE = 1.15  # photos whose aspect ratio differs by less are squeezed, as records are


def model_file(model: str, tracking_uri: str | None) -> Path:
    """The generator's file, where what is known about it lies beside it.

    Args:
      model: a `generator.keras` file, its folder, or models:/NAME@ALIAS.
      tracking_uri: where models:/ is looked up; None: $MLFLOW_TRACKING_URI, else runs/mlflow.

    Raises:
      StreetloopError: there is no such registered model, or the folder is no model's.
    """
    if not model.startswith("models:/"):
        return _local(Path(model))
    import mlflow

    default = f"sqlite:///{Path('runs/mlflow/mlflow.db').absolute()}"
    uri = tracking_uri or os.environ.get("MLFLOW_TRACKING_URI") or default
    if uri.startswith("sqlite:///") and not Path(uri.removeprefix("sqlite:///")).exists():
        raise StreetloopError(
            f"Expected an MLflow store at {uri}; there is none. Say where it is with --tracking-uri, "
            "or give the file models/<sha256>/generator.keras of the campaign root."
        )
    mlflow.set_tracking_uri(uri)
    try:
        folder = Path(mlflow.artifacts.download_artifacts(model))
    except Exception as error:
        raise StreetloopError(
            f"Expected a registered model {model} at {uri}; {error}. `streetloop ui` shows which "
            "there are."
        ) from error
    found = sorted(folder.rglob("*.keras"))
    if not found:
        raise StreetloopError(f"Expected a .keras file in {model}; found none in {folder}.")
    return found[0]


def _local(path: Path) -> Path:
    from components.contracts.model.files import GENERATOR_FILE, read_model_info

    if not path.is_dir():
        return path
    read_model_info(path)  # a folder promises that its files belong together
    return path / GENERATOR_FILE


def as_trained(file: Path) -> tuple[tuple[int, int] | None, InferenceSettings]:
    """The size of the images that a generator was trained on, and how its recipe shows them.

    None and the defaults where the file came without its `model.json` or MLflow's metadata.

    Raises:
      StreetloopError: the `model.json` beside it is damaged.
    """
    import yaml

    from components.contracts.model.files import parse_model_info

    beside, above = file.parent / "model.json", file.parent.parent / "MLmodel"
    known: dict[str, Any] = {}
    if beside.exists():
        recipe = parse_model_info(beside).recipe
        known = {"size": recipe.get("data", {}).get("size"), "inference": recipe.get("inference")}
    elif above.exists():
        known = (yaml.safe_load(above.read_text()) or {}).get("metadata") or {}
    size = known.get("size")
    inference = InferenceSettings.model_validate(known.get("inference") or {})
    return (int(size[0]), int(size[1])) if isinstance(size, list) else None, inference


def seen_size(own: tuple[int, ...], trained: tuple[int, int] | None) -> tuple[int, int]:
    """The size at which the network sees an image.

    Args:
      own: the image's height and width.
      trained: height and width of what the model was trained on, or None if that is not known.

    Returns:
      `trained` for an image of nearly that shape (aspect ratios at most 15 % apart), since records
      of such images were squeezed to it: scores are then those of `evaluate`. For other shapes,
      the image's proportions at that area. The image's own size if `trained` is None.
    """
    height, width = own[0], own[1]
    if trained is None:
        return height, width
    ratio = (width * trained[0]) / (height * trained[1])
    if max(ratio, 1 / ratio) <= _SAME_SHAPE:
        return trained
    factor = (trained[0] * trained[1] / (height * width)) ** 0.5
    return max(1, round(height * factor)), max(1, round(width * factor))
