"""What an answer of Label Studio must hold: an unexpected one is told, and is no traceback."""

from __future__ import annotations

from typing import Any, TypeVar

from components.contracts.annotation.fields import quote
from components.contracts.process.errors import StreetloopError

T = TypeVar("T")
_KINDS = {dict: "an object", list: "a list", str: "a text", int: "a number", bool: "true or false"}
_ADVICE = (
    "Run this again; if it stays, use the version of Label Studio that docs/how-to/label-studio.md "
    "names."
)


def expect(answer: Any, key: str, kind: type[T], what: str, advice: str = _ADVICE) -> T:
    """A value of an answer.

    Args:
      answer: the JSON of an answer, or a part of it.
      key: the value's name.
      kind: the value's type; `object` takes any.
      what: the answer, in words.
      advice: why it may differ, and what to do.

    Returns:
      the value.

    Raises:
      StreetloopError: `answer` is no object, has no such key, or its value is of another type.
    """
    if not isinstance(answer, dict) or key not in answer:
        came = "it is not there" if isinstance(answer, dict) else f"got {quote(answer)}"
        raise StreetloopError(
            f"Expected {key} in Label Studio's answer to {what}; {came}. {advice}"
        )
    value = answer[key]
    if not isinstance(value, kind) or (kind is int and isinstance(value, bool)):
        raise StreetloopError(
            f"Expected {key} in Label Studio's answer to {what} to be {_KINDS[kind]}; got "
            f"{quote(value)}. {advice}"
        )
    return value


def expect_rows(answer: Any, what: str) -> list[Any]:
    """An answer that is a list; StreetloopError if it is none."""
    if not isinstance(answer, list):
        raise StreetloopError(
            f"Expected a list as Label Studio's answer to {what}; got {quote(answer)}. {_ADVICE}"
        )
    return answer
