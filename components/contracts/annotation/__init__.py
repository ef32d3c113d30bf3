"""Annotation formats: each format's reader and writer in one file, and one entrance for all."""

from components.contracts.annotation.detect import read_bytes, read_export
from components.contracts.annotation.limits import Limits
from components.contracts.annotation.model import (
    Annotation,
    AnnotationError,
    Batch,
    Refusal,
    Skipped,
)

__all__ = [
    "Annotation",
    "AnnotationError",
    "Batch",
    "Limits",
    "Refusal",
    "Skipped",
    "read_bytes",
    "read_export",
]
