"""Done markers: a step that was done with the same inputs is not done again."""

from __future__ import annotations

import hashlib
import json
import re
import time
import traceback
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any

from components.contracts.ledger.events import canonical, to_iso, utc_now
from components.contracts.process.errors import StreetloopError
from components.contracts.storage.base import Storage


def hash_inputs(inputs: Mapping[str, Any]) -> str:
    """The sha256 of inputs given as plain JSON values; the order of keys does not count.

    Raises:
        TypeError, ValueError: something is no JSON.
    """
    return hashlib.sha256(canonical(dict(inputs)).encode()).hexdigest()


def run_once(
    storage: Storage,
    cycle: int,
    step: str,
    inputs: Mapping[str, Any],
    body: Callable[[], dict[str, Any]],
) -> dict[str, Any]:
    """Run `body` unless it was done with these inputs; return its outputs.

    What `body` makes must be durable when it returns. It may find its own partial outputs and
    replaces them.

    Args:
        storage: the campaign root; the marker is `work/<cycle>/<step>.done.json`.
        cycle: the cycle.
        step: letters, digits, `-` and `_`.
        inputs: everything that decides the outputs: settings, hashes of files, ledger version.
        body: does the step and returns its outputs as plain JSON values (small: names, numbers).

    Raises:
        Whatever `body` raises, after writing it to `work/<cycle>/<step>.error.json`.
    """
    if not re.fullmatch(r"[A-Za-z0-9_-]+", step):
        raise ValueError(f"Expected a step name of letters, digits, '-' and '_', got {step!r}.")
    marker, error_name = f"work/{cycle}/{step}.done.json", f"work/{cycle}/{step}.error.json"
    digest = hash_inputs(inputs)
    recorded = _read(storage, marker)
    if recorded is not None and recorded.get("inputs_sha256") == digest:
        return recorded["outputs"]
    if recorded is not None:
        # The body is about to replace what this marker vouches for.
        storage.delete(marker)
    started = time.monotonic()
    try:
        outputs = json.loads(json.dumps(body(), allow_nan=False))
    except Exception as error:
        with suppress(StreetloopError):
            storage.write(
                error_name, _pretty({"at": to_iso(utc_now()), "step": step, **_told(error)})
            )
        raise
    seconds = round(time.monotonic() - started, 3)
    done = {
        "inputs_sha256": digest,
        "inputs": dict(inputs),
        "outputs": outputs,
        "at": to_iso(utc_now()),
        "seconds": seconds,
    }
    storage.delete(error_name)
    storage.write(marker, _pretty(done))
    return outputs


def _read(storage: Storage, name: str) -> dict[str, Any] | None:
    try:
        recorded = json.loads(storage.read(name))
    except (FileNotFoundError, ValueError):
        return None
    return recorded if isinstance(recorded, dict) else None


def _told(error: Exception) -> dict[str, str]:
    return {
        "error": f"{type(error).__name__}: {error}",
        "traceback": "".join(traceback.format_exception(error)),
    }


def _pretty(value: Mapping[str, Any]) -> bytes:
    return json.dumps(value, indent=1, ensure_ascii=False).encode()
