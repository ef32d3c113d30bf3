"""Exported tasks: what ingestion reads of them, and whether the ledger knows it already."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from components.contracts.annotation.fields import timestamp
from components.contracts.ledger.state import LabelVersion, State
from pipelines.label_studio.answer import expect

_WHAT = "an export"
# Without what changes from one export to the next although nobody drew anything. What has no type
# here is judged by ingestion, which refuses one annotation rather than all of them.
_ANNOTATION: dict[str, type] = {
    "id": int,
    "completed_by": object,
    "result": object,
    "was_cancelled": bool,
    "created_at": object,
    "updated_at": object,
}


def trimmed(task: Any) -> dict[str, Any]:
    """What ingestion reads of an exported task; equal as long as nobody changes the annotations.

    Raises:
      StreetloopError: it is no such task.
    """
    data = expect(task, "data", dict, _WHAT)
    expect(data, "image_id", str, _WHAT)
    return {
        "id": expect(task, "id", int, _WHAT),
        "data": data,
        "annotations": [_annotation(row) for row in expect(task, "annotations", list, _WHAT)],
    }


def _annotation(row: Any) -> dict[str, Any]:
    kept: dict[str, Any] = {key: expect(row, key, kind, _WHAT) for key, kind in _ANNOTATION.items()}
    # Why somebody skipped it; not every server has the field.
    return kept | ({"comment": row["comment"]} if row.get("comment") else {})


def is_news(state: State, task: Mapping[str, Any]) -> bool:
    """Whether the ledger could learn something from a task: it waits, or was changed since.

    Args:
      state: of the ledger.
      task: from `trimmed`.
    """
    image_id = task["data"]["image_id"]
    if image_id in state.outstanding:
        return True
    versions = state.labels.get(image_id, ())
    return any(
        not annotation["was_cancelled"] and not _is_known(versions, annotation)
        for annotation in task["annotations"]
    )


def _is_known(versions: tuple[LabelVersion, ...], annotation: Mapping[str, Any]) -> bool:
    who, at = str(annotation["completed_by"]), timestamp(annotation["updated_at"])
    return any(v.annotator == who and at is not None and v.at >= at for v in versions)
