"""Packs a SavedModel as an MLflow model, which `mlflow models serve` answers on."""

from __future__ import annotations

import os
import shutil
import warnings
from pathlib import Path

FOLDER = "mlflow_model"


def write_mlflow_model(saved_model: Path, target: Path) -> None:
    """Write an MLflow model with a signature, replacing an earlier one.

    Args:
      saved_model: the SavedModel; it is copied.
      target: the folder to write.
    """
    import mlflow
    import numpy as np
    import tensorflow as tf
    from mlflow.models import ModelSignature
    from mlflow.types import DataType, ParamSchema, ParamSpec, Schema, TensorSpec

    shutil.rmtree(target, ignore_errors=True)
    signature = ModelSignature(
        inputs=Schema([TensorSpec(np.dtype(np.uint8), (-1, -1, -1, 3))]),
        outputs=Schema([TensorSpec(np.dtype(np.uint8), (-1, -1, -1), "label_ids")]),
        params=ParamSchema([ParamSpec("probabilities", DataType.boolean, False)]),
    )
    # It recommends type hints in place of a signature, and shows a bar for files that are here.
    os.environ.setdefault("MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR", "false")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        mlflow.pyfunc.save_model(
            target,
            python_model=str(Path(__file__).with_name("serving.py")),
            artifacts={"saved_model": str(saved_model)},
            signature=signature,
            pip_requirements=[
                f"mlflow=={mlflow.__version__}",
                f"numpy=={np.__version__}",
                f"tensorflow=={tf.__version__}",
            ],
        )
