"""The bytes of an event: written, read back and checked.

One line of JSON: number, event_id, key, kind, at, fence, prev_sha256 (of the previous event's
bytes), payload, and last sha256 (of the line without that field), so that a change anywhere, even in
the newest event, is found.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from datetime import datetime
from functools import cache
from typing import Annotated, Any, Literal, Union

from pydantic import BaseModel, Field, TypeAdapter, ValidationError, create_model
from pydantic_core import PydanticSerializationError, to_json

from components.contracts.ledger.events import KINDS, Event, LedgerError, Sha256, Time, to_iso
from components.contracts.ledger.layout import event_name
from components.contracts.recipe.base import Settings


def check_payload(kind: str, payload: BaseModel | Mapping[str, Any]) -> BaseModel:
    """Return the payload as the model of its kind.

    Raises:
        LedgerError: an unknown kind, or a field that is missing, unknown or of the wrong type.
    """
    model = KINDS.get(kind)
    if model is None:
        raise LedgerError(f"Unknown event kind {kind!r}; expected one of {', '.join(KINDS)}.")
    if isinstance(payload, model):
        return payload
    try:
        return model.model_validate_json(to_json(payload, inf_nan_mode="constants"))
    except ValidationError as error:
        raise LedgerError(f"A {kind!r} event has a wrong payload: {_describe(error)}.") from error
    except PydanticSerializationError as error:
        raise LedgerError(f"A {kind!r} event must hold plain JSON values: {error}.") from error


def encode(
    number: int,
    event_id: str,
    key: str,
    kind: str,
    at: datetime,
    fence: int | None,
    prev_sha256: str | None,
    payload: BaseModel,
) -> bytes:
    """Return the bytes of an event.

    Raises:
        LedgerError: the payload holds a value that is not JSON.
    """
    head = {
        "number": number,
        "event_id": event_id,
        "key": key,
        "kind": kind,
        "at": to_iso(at),
        "fence": fence,
        "prev_sha256": prev_sha256,
        "payload": payload.model_dump(mode="python"),
    }
    try:
        body = json.dumps(head, separators=(",", ":"), ensure_ascii=False, allow_nan=False).encode()
    except (TypeError, ValueError) as error:
        raise LedgerError(f"A {kind!r} event must hold plain JSON values: {error}.") from error
    return body[:-1] + b',"sha256":"' + hashlib.sha256(body).hexdigest().encode() + b'"}\n'


class _Line(Settings):
    """An event as stored, without its kind and payload."""

    number: int
    event_id: str
    key: str
    at: Time
    fence: int | None
    prev_sha256: Sha256 | None
    sha256: Sha256


@cache
def _line() -> TypeAdapter[Any]:
    """Return a reader of whole lines, in one pass; `kind` says what the payload is."""
    lines: list[Any] = []
    for kind, model in KINDS.items():
        fields: dict[str, Any] = {"kind": (Literal[kind], ...), "payload": (model, ...)}
        lines.append(create_model(f"{kind}_line", __base__=_Line, **fields))
    line: Any = Annotated[Union[tuple(lines)], Field(discriminator="kind")]  # noqa: UP007
    return TypeAdapter(line)


def _describe(error: ValidationError) -> str:
    return "; ".join(
        f"{'.'.join(map(str, e['loc'])) or 'payload'}: {e['msg']}" for e in error.errors()[:5]
    )


_TAIL = len(b',"sha256":"') + 64 + len(b'"}\n')


def decode(data: bytes, number: int) -> Event:
    """Return the event in these bytes.

    Raises:
        LedgerError: the bytes are damaged, or not event `number`, or from a newer version.
    """
    name = event_name(number)
    whole = hashlib.sha256(data[:-_TAIL])
    body = whole.copy()
    body.update(b"}")
    whole.update(data[-_TAIL:])
    if data[-_TAIL + 11 : -3] != body.hexdigest().encode():
        raise LedgerError(
            f"{name} is not what was written (its checksum differs). Restore it from a backup; "
            "`streetloop ledger verify` lists all damage."
        )
    try:
        raw = _line().validate_json(data)
    except ValidationError as error:
        raise LedgerError(
            f"{name} is not an event that this version knows: {_describe(error)}. A newer Streetloop may "
            "have written it: use that version."
        ) from error
    event = Event(
        number=raw.number,
        event_id=raw.event_id,
        key=raw.key,
        kind=raw.kind,
        at=raw.at,
        fence=raw.fence,
        prev_sha256=raw.prev_sha256,
        payload=raw.payload,
        sha256=whole.hexdigest(),
    )
    if event.number != number:
        raise LedgerError(f"{name} holds event {event.number}; it was renamed. Restore the ledger.")
    return event
