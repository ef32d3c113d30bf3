"""Serves a SavedModel of `streetloop export` with `mlflow models serve`.

MLflow copies this file into the model, and runs it where Streetloop is not installed: it imports
TensorFlow, NumPy and MLflow alone.
"""

import mlflow


class StreetScenes(mlflow.pyfunc.PythonModel):  # type: ignore[misc]
    """Labels photos: uint8 [B, H, W, 3] in, Cityscapes label ids out."""

    # Without type hints: MLflow would take them for a signature, and the model has one.
    def load_context(self, context):  # type: ignore[no-untyped-def]
        """Load the SavedModel, once."""
        import tensorflow as tf

        self._serve = tf.saved_model.load(context.artifacts["saved_model"]).signatures[
            "serving_default"
        ]

    def predict(self, context, model_input, params=None):  # type: ignore[no-untyped-def]
        """Label photos of one size; `probabilities` are large, so they come only when asked for."""
        import numpy as np
        import tensorflow as tf

        found = self._serve(image=tf.constant(np.asarray(model_input, np.uint8)))
        answer = {"label_ids": found["label_ids"].numpy()}
        if (params or {}).get("probabilities"):
            answer["probabilities"] = found["probabilities"].numpy()
        return answer


mlflow.models.set_model(StreetScenes())
