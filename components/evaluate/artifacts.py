"""Show an evaluation in the Kubeflow Pipelines UI."""

from __future__ import annotations

from typing import Any

from components.contracts.scores.report import HEADLINES
from components.contracts.step.results import EvaluateResult
from components.contracts.storage.open import open_storage
from tfds_cityscapes.labels import CLASS_NAMES


def fill(root: str, result: EvaluateResult, metrics: Any, confusion: Any, report: Any) -> None:
    """Fill the step's KFP artifacts: dsl.Metrics, dsl.ClassificationMetrics and dsl.HTML.

    The UI wants plain Python numbers in a confusion matrix, and shows HTML in a sandboxed frame.
    """
    for split, scores in (("dev", result.dev), ("val", result.val)):
        for name in HEADLINES:
            value = getattr(scores, name)
            if value is not None:
                metrics.log_metric(f"{split}_{name}", value)
    confusion.log_confusion_matrix(list(CLASS_NAMES), result.val.confusion)
    with open(report.path, "wb") as file:
        file.write(open_storage(root).read(result.report))
