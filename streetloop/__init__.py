"""Streetloop in Python: the five things that the command does most, as functions.

`run`, `status` and `evaluate` are about a campaign, `predict` about a model, and `simulate` plays
campaigns to compare strategies. A problem that a person can put right is a `StreetloopError`, whose text says how.
docs/how-to/python.md has examples.
"""

from components.contracts.process.errors import StreetloopError, UsageError
from pipelines.predict.view import View
from streetloop.campaign import evaluate, run, status
from streetloop.model import Prediction, predict
from streetloop.simulation import simulate

__all__ = [
    "Prediction",
    "StreetloopError",
    "UsageError",
    "View",
    "evaluate",
    "predict",
    "run",
    "simulate",
    "status",
]
