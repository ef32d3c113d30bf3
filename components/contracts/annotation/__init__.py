"""Annotation formats: a reader and a writer per format, and one function that reads them all."""

from components.contracts.annotation.detect import read_bytes, read_export
from components.contracts.annotation.known import KnownImages
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
    "KnownImages",
    "Limits",
    "Refusal",
    "Skipped",
    "read_bytes",
    "read_export",
]
