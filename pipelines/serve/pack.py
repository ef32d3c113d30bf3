"""Packs a generator, with its preprocessing, as a model that MLflow's scoring server answers on."""

from __future__ import annotations

import os
import tempfile
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

from pipelines.export.mlflow_model import FOLDER, write_mlflow_model
from pipelines.predict.model import model_file


def pack(model: str, tracking_uri: str | None, folder: Path) -> Path:
    """Write the MLflow model of a generator.

    It happens in a process of its own: the one that watches the server needs no TensorFlow.

    Args:
      model: a `generator.keras` file, its folder, or models:/NAME/VERSION.
      tracking_uri: the MLflow store for models:/.
      folder: where to write.

    Returns:
      The folder of the MLflow model.

    Raises:
      StreetloopError: the model does not exist, or is damaged.
    """
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        return pool.submit(_pack, model, tracking_uri, folder).result()


def _pack(model: str, tracking_uri: str | None, folder: Path) -> Path:
    from components.contracts.process.quiet import import_tensorflow
    from components.contracts.step.context import set_environment

    set_environment()
    tempfile.tempdir = str(folder)  # where MLflow downloads to, so that it is deleted with the rest
    os.environ["MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR"] = "false"
    file = model_file(model, tracking_uri)
    import_tensorflow()
    from components.contracts.model.files import load_generator
    from pipelines.export.formats import write_saved_model
    from pipelines.predict.model import as_trained

    trained, _ = as_trained(file)
    saved = folder / "saved_model"
    write_saved_model(load_generator(file), trained, saved)
    write_mlflow_model(saved, folder / FOLDER)
    return folder / FOLDER
