"""The MLflow model registry: one version per model, and the aliases that people load it by.

The ledger decides who is champion; the alias is a copy that the opening of a cycle repairs.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from components.contracts.tracking.client import Tracker
from components.contracts.tracking.outage import quietly, to_run
from tfds_cityscapes.labels import NUM_CLASSES

CHAMPION = "champion"
CHALLENGER = "challenger"
_MODEL = "streetloop.model"  # tag of a version: the SHA-256 of its generator


@to_run
def register_model(
    tracker: Tracker,
    run_id: str,
    name: str,
    generator: Path,
    sha256: str,
    description: str,
    step: int,
    metadata: dict[str, Any] | None = None,
) -> str:
    """Log a saved generator to a run and register it, unless this model is registered already.

    Args:
      tracker: the campaign's MLflow.
      run_id: the cycle's run.
      name: of the registered model.
      generator: the `generator.keras` file.
      sha256: the model's id; a retry finds the version by it.
      description: the numbers, for the registry's page.
      step: the cycle.
      metadata: stored with the model: the `size` it was trained at, the `inference` of its recipe.

    Returns:
      The version.
    """
    client = tracker.client
    known = _version(client, name, sha256)
    if known is not None:
        return known
    import keras
    import mlflow
    import numpy as np
    import tensorflow as tf
    from mlflow.models import Model, ModelSignature
    from mlflow.types import Schema, TensorSpec

    signature = ModelSignature(
        inputs=Schema([TensorSpec(np.dtype(np.float32), (-1, -1, -1, 3), "image")]),
        outputs=Schema([TensorSpec(np.dtype(np.float32), (-1, -1, -1, NUM_CLASSES), "logits")]),
    )
    if name not in {m.name for m in client.search_registered_models(f"name = '{name}'")}:
        client.create_registered_model(
            name,
            description=f"Generators of a Streetloop campaign: logits of {NUM_CLASSES} classes.",
        )
    # A logged model belongs to the active experiment, whatever run it names.
    mlflow.set_experiment(experiment_id=tracker.experiment_id)
    # Unlike mlflow.keras.log_model, Model.log takes a run id: it starts and ends no run.
    info = Model.log(
        artifact_path=None,
        name="generator",
        flavor=mlflow.keras,
        model=keras.models.load_model(generator, compile=False),
        signature=signature,
        run_id=run_id,
        step=step,
        metadata=metadata,
        # Without them, MLflow would load the model in another process to infer them.
        pip_requirements=[f"keras=={keras.__version__}", f"tensorflow=={tf.__version__}"],
    )
    created = client.create_model_version(
        name,
        info.model_uri,
        run_id,
        tags={_MODEL: sha256, "cycle": str(step)},
        description=description,
        model_id=info.model_id,
    )
    return str(created.version)


@quietly
def set_alias(tracker: Tracker, name: str, alias: str, sha256: str) -> None:
    """Point an alias at the version of a model; do nothing if it was never registered."""
    client = tracker.client
    version = _version(client, name, sha256)
    if version is None:
        return
    current = client.get_registered_model(name).aliases.get(alias)
    if str(current) != version:
        client.set_registered_model_alias(name, alias, version)


@quietly
def describe_version(tracker: Tracker, name: str, sha256: str, text: str) -> None:
    """Set the description of a model's version, in Markdown; do nothing if it was never registered."""
    version = _version(tracker.client, name, sha256)
    if version is not None:
        tracker.client.update_model_version(name, version, text)


@to_run
def show_champion(tracker: Tracker, run_id: str, name: str, sha256: str, step: int) -> None:
    """Show the champion in the table of runs, in the row of the campaign.

    The table shows only models that a run has logged itself. So the campaign's run gets one of its
    own, without files, that leads to the champion's version in the registry.

    Args:
      tracker: the campaign's MLflow.
      run_id: the campaign's run.
      name: of the registered model.
      sha256: the champion's id; nothing happens if it was never registered.
      step: the cycle.
    """
    from mlflow.entities import LoggedModelOutput
    from mlflow.utils.mlflow_tags import MLFLOW_MODEL_IS_EXTERNAL, MLFLOW_MODEL_VERSIONS

    client = tracker.client
    version = _version(client, name, sha256)
    if version is None:
        return
    tags = {MLFLOW_MODEL_VERSIONS: json.dumps([{"name": name, "version": version}])}
    experiment, mine = tracker.experiment_id, f"source_run_id = '{run_id}'"
    known = client.search_logged_models([experiment], filter_string=mine, max_results=1)
    if known:
        if known[0].tags.get(MLFLOW_MODEL_VERSIONS) != tags[MLFLOW_MODEL_VERSIONS]:
            client.set_logged_model_tags(known[0].model_id, tags)
        return
    tags[MLFLOW_MODEL_IS_EXTERNAL] = "true"
    model = client.create_logged_model(experiment, CHAMPION, run_id, tags)
    client.finalize_logged_model(model.model_id, "READY")
    client.log_outputs(run_id, [LoggedModelOutput(model.model_id, step)])


def _version(client: Any, name: str, sha256: str) -> str | None:
    for version in client.search_model_versions(f"name = '{name}'"):
        if version.tags.get(_MODEL) == sha256:
            return str(version.version)
    return None
