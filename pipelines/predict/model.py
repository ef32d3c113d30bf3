"""Find the model that `streetloop predict` loads, and how it saw images in training."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import BaseModel

from components.contracts.process.errors import StreetloopError
from components.contracts.process.kept_output import without_secrets
from components.contracts.process.uri import local_path
from components.contracts.recipe import file as settings_file
from components.contracts.recipe.inference import InferenceSettings
from components.contracts.recipe.tracking import SQLITE, TrackingSettings, store_uri
from pipelines.predict.view import Size


def model_file(model: str, tracking_uri: str | None) -> Path:
    """Return the path of the generator; the files that describe it are beside it.

    Args:
      model: a `generator.keras` file, its folder, or models:/NAME@ALIAS.
      tracking_uri: the MLflow store for models:/; None: $MLFLOW_TRACKING_URI, else runs/mlflow.

    Raises:
      StreetloopError: the registered model does not exist, or the folder is not a model's.
    """
    if not model.startswith("models:/"):
        return _local(local_path(model))
    import mlflow

    uri = _registry(tracking_uri)
    mlflow.set_tracking_uri(uri)
    try:
        folder = Path(mlflow.artifacts.download_artifacts(model))
    except Exception as error:
        raise StreetloopError(
            f"Cannot load the registered model {model} from {_problem(uri, error)}. `streetloop ui` "
            "shows the registered models."
        ) from error
    files = sorted(folder.rglob("*.keras"))
    if not files:
        raise StreetloopError(f"{model} has no .keras file (in {folder}).")
    return files[0]


def resolved_version(model: str, tracking_uri: str | None) -> str:
    """Return models:/NAME/VERSION for an alias, and any other model as it is.

    Raises:
      StreetloopError: the registry does not know the alias, or does not answer.
    """
    name, at, alias = model.removeprefix("models:/").rpartition("@")
    if not model.startswith("models:/") or not at:
        return model
    import mlflow

    uri = _registry(tracking_uri)
    try:
        version = mlflow.MlflowClient(uri).get_model_version_by_alias(name, alias).version
    except Exception as error:
        raise StreetloopError(
            f"Cannot look up {model} in {_problem(uri, error)}. `streetloop ui` shows the registered "
            "models."
        ) from error
    return f"models:/{name}/{version}"


def _registry(tracking_uri: str | None) -> str:
    """Return the URI of the MLflow store with the registry.

    Raises:
      StreetloopError: it is a file that does not exist.
    """
    given = {} if tracking_uri is None else {"uri": tracking_uri}
    settings = settings_file.validate(TrackingSettings, given, "--tracking-uri")
    uri = store_uri(settings, "runs/predict")
    if uri.startswith(SQLITE) and not Path(uri.removeprefix(SQLITE)).exists():
        raise StreetloopError(
            f"MLflow store not found: {uri}. Name it with --tracking-uri, or give the path of "
            "models/<sha256>/generator.keras in the campaign root."
        )
    return uri


def _problem(uri: str, error: Exception) -> str:
    """Return the store and what went wrong there, without a full stop; MLflow's own words repeat the address."""
    return without_secrets(f"{uri}: {error}", ()).rstrip(". ")


def _local(path: Path) -> Path:
    from components.contracts.model.files import GENERATOR_FILE, read_model_info

    if not path.is_dir():
        return path
    read_model_info(path)  # checks that the folder's files belong together
    return path / GENERATOR_FILE


class _Trained(BaseModel):
    """What `model.json` or MLflow's metadata says about a model.

    Attributes:
      size: of the training images; "native" for images of several sizes.
    """

    size: Size | Literal["native"] | None = None
    inference: InferenceSettings | None = None


def as_trained(file: Path) -> tuple[Size | None, InferenceSettings]:
    """Return the size of the images that a generator was trained on, and its recipe's inference.

    None and the defaults for a file without `model.json` or MLflow's metadata.

    Raises:
      StreetloopError: the `model.json` beside it is damaged.
    """
    import yaml

    from components.contracts.model.files import parse_model_info

    beside, above = file.parent / "model.json", file.parent.parent / "MLmodel"
    known = _Trained()
    if beside.exists():
        recipe = parse_model_info(beside).recipe
        known = _Trained(size=recipe.get("data", {}).get("size"), inference=recipe.get("inference"))
    elif above.exists():
        metadata = (yaml.safe_load(above.read_text()) or {}).get("metadata")
        known = _Trained.model_validate(metadata or {})
    size = None if known.size == "native" else known.size
    return size, known.inference or InferenceSettings()
