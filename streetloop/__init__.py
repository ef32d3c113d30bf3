"""Streetloop in Python: what the command does most, as functions.

`run` and `status` are about a campaign, `predict` and `evaluate` about a model. A
problem that a person can put right is a `StreetloopError`, whose text says how.
docs/how-to/python.md has examples.
"""

from components.contracts.process.errors import StreetloopError, UsageError
from pipelines.predict.view import View
from streetloop.campaign import evaluate, run, status
from streetloop.model import Prediction, predict

__all__ = [
    "Prediction",
    "StreetloopError",
    "UsageError",
    "View",
    "evaluate",
    "predict",
    "run",
    "status",
]
