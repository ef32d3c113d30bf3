"""Done markers: a step that is done with the same inputs is not run again."""

from __future__ import annotations

import hashlib
import re
import time
import traceback
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from typing import Any, TypeVar

from pydantic import BaseModel, Field, ValidationError

from components.contracts.ledger.events import canonical, to_iso, utc_now
from components.contracts.ledger.layout import ERROR_SUFFIX, done_marker, error_marker, work_folder
from components.contracts.process.errors import StreetloopError
from components.contracts.process.kept_output import environment_secrets, without_secrets
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
    """A step that failed: when, which, and why.

    Attributes:
        final: no other attempt can succeed with these inputs.
        inputs_sha256, fence: of the attempt that failed.
    """

    at: str
    step: str
    error: str
    traceback: str
    final: bool = False
    inputs_sha256: str = ""
    fence: int | None = None


class FailedBeforeError(StreetloopError):
    """An earlier attempt of this run failed in a way that another attempt cannot mend."""


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
    fence: int | None = None,
    secret_variables: Iterable[str] = (),
) -> R:
    """Run `body` unless it was done with these inputs; return its result.

    What `body` makes must be durable when it returns. It may find its own partial outputs and
    replaces them.

    A cluster tries a failed task again whatever its exit code was. If an attempt with the same
    `fence` failed for a reason that is not transient, `body` is not run.

    Args:
        storage: the campaign root.
        cycle: the cycle.
        step: letters, digits, `-` and `_`.
        inputs: everything that decides the result: settings, hashes of files, ledger version.
        result: the model of the result. A marker that does not fit it (of another version) does not
            count.
        body: does the step.
        fence: of the lease: attempts of one run have the same.
        secret_variables: environment variables whose values no error may show, beside those that look
            secret.

    Raises:
        FailedBeforeError: an attempt of this run has failed for good.
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
    _check_failed_before(storage, cycle, step, digest, fence)
    started = time.monotonic()
    try:
        outputs = body()
    except Exception as error:
        secrets = environment_secrets(secret_variables)
        failed = ErrorMarker(
            at=to_iso(utc_now()),
            step=step,
            error=without_secrets(f"{type(error).__name__}: {error}", secrets),
            traceback=without_secrets("".join(traceback.format_exception(error)), secrets),
            final=isinstance(error, StreetloopError) and not error.transient,
            inputs_sha256=digest,
            fence=fence,
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


def failure_of(storage: Storage, cycle: int, fence: int | None) -> str | None:
    """Return which step of the run with this fence failed last, and its own error, as sentences.

    Returns:
        None if no step of the run left an error. What an earlier run of the cycle left does not count.
    """
    names = (name for name in storage.list(work_folder(cycle)) if name.endswith(ERROR_SUFFIX))
    rows = (ErrorMarker.model_validate_json(storage.read(name)) for name in names)
    last = max((r for r in rows if r.fence == fence), key=lambda r: r.at, default=None)
    return f"The {last.step} step failed. {last.error}" if last else None


def _check_failed_before(
    storage: Storage, cycle: int, step: str, digest: str, fence: int | None
) -> None:
    """Raise FailedBeforeError if an attempt with this fence and these inputs failed for good."""
    try:
        failed = ErrorMarker.model_validate_json(storage.read(error_marker(cycle, step)))
    except (FileNotFoundError, ValidationError):
        return
    same = fence is not None and (failed.fence, failed.inputs_sha256) == (fence, digest)
    if failed.final and same:
        raise FailedBeforeError(
            f"{failed.error} (That was an earlier attempt of this run, at {failed.at}; another one "
            "would fail in the same way. Start a new run once the cause is mended.)"
        )


def _encode(marker: BaseModel) -> bytes:
    return marker.model_dump_json(indent=1).encode()
