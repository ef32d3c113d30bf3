"""Keeps the figures of a notebook in its cells."""

from __future__ import annotations

import functools
import os
from collections.abc import Callable
from typing import ParamSpec, TypeVar

P = ParamSpec("P")
R = TypeVar("R")
_VARIABLE = "MPLBACKEND"


def keeping_figures(function: Callable[P, R]) -> Callable[P, R]:
    """Keep the backend of Matplotlib that a notebook has chosen for its own figures.

    Steps set another one, for themselves and the processes that they start.
    """

    @functools.wraps(function)
    def call(*args: P.args, **kwargs: P.kwargs) -> R:
        chosen = os.environ.get(_VARIABLE)
        if chosen is not None:
            import matplotlib  # noqa: F401  reads the variable when it is imported, once
        try:
            return function(*args, **kwargs)
        finally:
            os.environ.pop(_VARIABLE, None)
            os.environ.update({} if chosen is None else {_VARIABLE: chosen})

    return call
