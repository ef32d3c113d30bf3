"""The options that the commands on experiments share."""

from __future__ import annotations

import functools
import re
from collections.abc import Callable
from typing import Any

from components.contracts.process.errors import UsageError
from pipelines.options import with_recipe


def with_results(suffix: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Return the decorator that gives a command RECIPE, and runs/<name><suffix> for its results."""
    return functools.partial(
        with_recipe,
        root=f"The folder of the results, not a campaign's root [default: runs/<name>{suffix}].",
    )


def whole_numbers(option: str, text: str, what: str = "numbers") -> list[int]:
    """Read different whole numbers, as 0,1,2.

    Args:
      option: as the user types it.
      text: its value.
      what: they are, in the plural.

    Raises:
      UsageError: `text` is something else.
    """
    parts = text.split(",")
    numbers = [int(part) for part in parts if re.fullmatch(r"[0-9]{1,9}", part)]
    if len(set(numbers)) < len(parts):
        raise UsageError(
            f"Not a list of {what}: {text!r}. Give {option} different whole numbers, as 0,1,2."
        )
    return numbers


def labels_of(text: str) -> int | str:
    """Read an amount of labels: a number, a share such as 1/8, or all."""
    if text.isdecimal():
        if int(text) == 0:
            raise UsageError("No labels to train on. Give --labels a number above 0, 1/8 or all.")
        return int(text)
    if not re.fullmatch(r"all|1/[1-9][0-9]*", text):
        raise UsageError(f"Not an amount of labels: {text!r}. Give --labels a number, 1/8 or all.")
    return text
