"""Label Studio: the JSON export, the tasks with predictions, and the labeling config."""

from components.contracts.annotation.label_studio.config import labeling_config
from components.contracts.annotation.label_studio.tasks import (
    is_stored_annotation,
    read,
    write_task,
)

__all__ = ["is_stored_annotation", "labeling_config", "read", "write_task"]
