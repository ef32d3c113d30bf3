"""A view of an evaluation for the Kubeflow Pipelines UI."""

from __future__ import annotations

from typing import Any

from components.contracts.storage.open import open_storage
from tfds_cityscapes.labels import CLASS_NAMES


def fill(root: str, outputs: dict[str, Any], metrics: Any, confusion: Any, report: Any) -> None:
    """Fills the step's KFP artifacts: dsl.Metrics, dsl.ClassificationMetrics and dsl.HTML.

    The UI wants plain Python numbers in a confusion matrix, and shows HTML in a sandboxed frame.
    """
    for split in ("dev", "val"):
        for name in ("miou", "pixel_accuracy", "dice"):
            if outputs[split][name] is not None:
                metrics.log_metric(f"{split}_{name}", float(outputs[split][name]))
    rows = [[int(n) for n in row] for row in outputs["val"]["confusion"]]
    confusion.log_confusion_matrix(list(CLASS_NAMES), rows)
    with open(report.path, "wb") as file:
        file.write(open_storage(root).read(outputs["report"]))
