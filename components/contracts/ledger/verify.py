"""Checks of every hash that the ledger names: its own chain, label maps, models, reports."""

from __future__ import annotations

import hashlib
import json

from components.contracts.ledger.codec import decode
from components.contracts.ledger.events import (
    CycleClosed,
    Event,
    LabelsAccepted,
    LedgerError,
    Promotion,
    Query,
    Rollback,
    event_number,
)
from components.contracts.ledger.layout import LABELS, LEDGER, MODELS, event_name, model_folder
from components.contracts.model.files import DISCRIMINATOR_FILE, GENERATOR_FILE, INFO_FILE
from components.contracts.storage.base import Storage

AT_ONCE = 64  # files in memory
MODEL_FILES = (GENERATOR_FILE, DISCRIMINATOR_FILE, INFO_FILE)


def verify(storage: Storage) -> list[str]:
    """Read all content below a campaign root; return all damage, in words."""
    events, problems = _read_events(storage)
    present = set(storage.list(LABELS)) | set(storage.list(MODELS))
    blobs: dict[str, str] = {}
    models: dict[str, int] = {}
    for event in events:
        match event.payload:
            case LabelsAccepted(labels=labels):
                blobs |= {label.blob: label.sha256 for label in labels}
            case Promotion(model=model) | Rollback(model=model) | Query(model=str() as model):
                models.setdefault(model, event.number)
            case CycleClosed(report=str() as report) if not storage.exists(report):
                problems.append(f"{report}: missing (event {event.number} names it).")
    problems += _check_files(storage, blobs, present)
    for model, number in sorted(models.items()):
        problems += _check_model(storage, model, number, present)
    return problems


def _read_events(storage: Storage) -> tuple[list[Event], list[str]]:
    events: list[Event] = []
    problems: list[str] = []
    numbers = set()
    for name in storage.list(LEDGER):
        try:
            numbers.add(event_number(name))
        except LedgerError as error:
            problems.append(str(error))
    previous: str | None = None  # the sha256 of the event before
    known = True  # that event exists and is undamaged
    for number in range(max(numbers, default=-1) + 1):
        if number not in numbers:
            problems.append(f"{event_name(number)}: missing; a later event exists.")
            known = False
            continue
        try:
            event = decode(storage.read(event_name(number)), number)
        except LedgerError as error:
            problems.append(str(error))
            known = False
            continue
        if known and event.prev_sha256 != previous:
            problems.append(
                f"{event_name(number)}: the event before it is not the one that it followed when "
                "it was written."
            )
        events.append(event)
        previous, known = event.sha256, True
    return events, problems


def _check_files(storage: Storage, expected: dict[str, str], present: set[str]) -> list[str]:
    problems = [f"{name}: missing." for name in sorted(set(expected) - present)]
    there = sorted(set(expected) & present)
    for start in range(0, len(there), AT_ONCE):
        names = there[start : start + AT_ONCE]
        for name, data in zip(names, storage.read_many(names), strict=True):
            found = hashlib.sha256(data).hexdigest()
            if found != expected[name]:
                problems.append(f"{name}: its content was changed (sha256 {found}).")
    return problems


def _check_model(storage: Storage, model: str, number: int, present: set[str]) -> list[str]:
    folder = model_folder(model)
    missing = [f"{folder}/{file}" for file in MODEL_FILES if f"{folder}/{file}" not in present]
    problems = [f"{name}: missing (event {number} names its model)." for name in missing]
    if f"{folder}/{INFO_FILE}" not in present:
        return problems
    try:
        info = json.loads(storage.read(f"{folder}/{INFO_FILE}"))
        found, files = info.get("model_id"), dict(info.get("files", {}))
    except (ValueError, TypeError, AttributeError):
        return [*problems, f"{folder}/{INFO_FILE}: not a JSON object with the files' hashes."]
    if found != model:
        problems.append(f"{folder}/{INFO_FILE}: it describes another model ({found}).")
    problems += [
        f"{folder}/{file}: {INFO_FILE} has no hash of it, so a change would not be noticed."
        for file in MODEL_FILES
        if file != INFO_FILE and file not in files and f"{folder}/{file}" not in missing
    ]
    expected = {f"{folder}/{file}": sha256 for file, sha256 in files.items()}
    for name in missing:
        expected.pop(name, None)
    return problems + _check_files(storage, expected, present)
