"""Done markers: a step that is done with the same inputs is not run again."""

from __future__ import annotations

import hashlib
import re
import time
import traceback
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any, TypeVar

from pydantic import BaseModel, Field, ValidationError

from components.contracts.ledger.events import canonical, to_iso, utc_now
from components.contracts.ledger.layout import done_marker, error_marker
from components.contracts.process.errors import StreetloopError
from components.contracts.storage.base import Storage

R = TypeVar("R", bound=BaseModel)


class DoneMarker(BaseModel):
    """A step that is done: the hash of its inputs, the inputs, its result, when, and how long."""

    inputs_sha256: str
    inputs: dict[str, Any]
    outputs: dict[str, Any]
    at: str
    seconds: float = Field(ge=0)


class ErrorMarker(BaseModel):
    """A step that failed: when, which, and why."""

    at: str
    step: str
    error: str
    traceback: str


def hash_inputs(inputs: Mapping[str, Any]) -> str:
    """Return the sha256 of inputs given as plain JSON values; the order of keys does not count.

    Raises:
        TypeError, ValueError: a value is not JSON.
    """
    return hashlib.sha256(canonical(dict(inputs)).encode()).hexdigest()


def run_once(
    storage: Storage,
    cycle: int,
    step: str,
    inputs: Mapping[str, Any],
    result: type[R],
    body: Callable[[], R],
) -> R:
    """Run `body` unless it was done with these inputs; return its result.

    What `body` makes must be durable when it returns. It may find its own partial outputs and
    replaces them.

    Args:
        storage: the campaign root.
        cycle: the cycle.
        step: letters, digits, `-` and `_`.
        inputs: everything that decides the result: settings, hashes of files, ledger version.
        result: the model of the result. A marker that does not fit it (of another version) does not
            count.
        body: does the step.

    Raises:
        Whatever `body` raises, after writing it to the step's error marker.
    """
    if not re.fullmatch(r"[A-Za-z0-9_-]+", step):
        raise ValueError(f"Not a step's name: {step!r}. Use letters, digits, '-' and '_'.")
    marker = done_marker(cycle, step)
    digest = hash_inputs(inputs)
    recorded = read_marker(storage, cycle, step)
    if recorded is not None and recorded.inputs_sha256 == digest:
        with suppress(ValidationError):
            return result.model_validate(recorded.outputs)
    if recorded is not None:
        # The body is about to replace what this marker vouches for.
        storage.delete(marker)
    started = time.monotonic()
    try:
        outputs = body()
    except Exception as error:
        failed = ErrorMarker(
            at=to_iso(utc_now()),
            step=step,
            error=f"{type(error).__name__}: {error}",
            traceback="".join(traceback.format_exception(error)),
        )
        with suppress(StreetloopError):
            storage.write(error_marker(cycle, step), _encode(failed))
        raise
    done = DoneMarker(
        inputs_sha256=digest,
        inputs=dict(inputs),
        outputs=outputs.model_dump(mode="json"),
        at=to_iso(utc_now()),
        seconds=round(time.monotonic() - started, 3),
    )
    storage.delete(error_marker(cycle, step))
    storage.write(marker, _encode(done))
    return outputs


def read_marker(storage: Storage, cycle: int, step: str) -> DoneMarker | None:
    """Return a step's done marker; None if there is none, or a damaged one."""
    try:
        return DoneMarker.model_validate_json(storage.read(done_marker(cycle, step)))
    except (FileNotFoundError, ValidationError):
        return None


def _encode(marker: BaseModel) -> bytes:
    return marker.model_dump_json(indent=1).encode()
