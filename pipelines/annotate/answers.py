"""What push and pull read of a server's answers; an unexpected answer is an error that explains it."""

from __future__ import annotations

from typing import Any, TypeVar

from pydantic import BaseModel, ConfigDict, TypeAdapter, ValidationError

from components.contracts.annotation.fields import quote
from components.contracts.process.errors import StreetloopError

T = TypeVar("T")
_KINDS = {
    "model_type": "an object",
    "dict_type": "an object",
    "list_type": "a list",
    "string_type": "a text",
    "int_type": "a number",
    "bool_type": "true or false",
}


class Answer(BaseModel):
    """An answer, or a part of one. Keys that are not named here are ignored."""

    model_config = ConfigDict(strict=True, frozen=True)


def parse_answer(kind: type[T], answer: Any, what: str, advice: str) -> T:
    """Return an answer as `kind`.

    Args:
      kind: an `Answer`, or a list of them.
      answer: JSON.
      what: whose answer to what, for the error, such as "CVAT's answer to an upload".
      advice: why the answer may differ, and what to do.

    Raises:
      StreetloopError: the answer has another shape.
    """
    try:
        return TypeAdapter(kind).validate_python(answer)
    except ValidationError as invalid:
        error = invalid.errors()[0]
    key = ".".join(part for part in error["loc"] if isinstance(part, str))
    if error["type"] == "missing":
        problem = f"has no {key}"
    else:
        expected = _KINDS.get(error["type"], error["msg"])
        came = quote(error["input"])
        problem = f"has {came} as {key}" if key else f"is {came}"
        problem += f"; expected {expected}"
    raise StreetloopError(f"{what} {problem}. {advice}")
