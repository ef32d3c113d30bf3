"""What a check of the labels says in words: on the console, and in the tasks."""

from __future__ import annotations

from components.contracts.process.words import counted
from pipelines.labels.report import CheckedLabel, LabelsCheck

_LINES = 10


def reason_of(row: CheckedLabel) -> str:
    """Say what is suspect in a label, for the annotator who corrects it."""
    parts = [
        f"{region.labeled} may be {region.predicted} ({100 * region.share:.1f} % of the image)"
        for region in row.regions[:3]
    ]
    return f"Check the label: {'; '.join(parts)}."


def summary(found: LabelsCheck, root: str) -> str:
    """Return the most suspect labels as lines of text, what limits the check, and where its tasks are.

    Args:
      found: by the check.
      root: the URI of the campaign root.
    """
    suspects = [row for row in found.images if row.regions]
    lines = [
        f"Checked {counted(len(found.images), 'label')}: {len(suspects)} "
        f"{'has' if len(suspects) == 1 else 'have'} suspect regions; "
        f"{100 * found.expected_wrong:.2f} % of the labeled pixels are estimated to be wrong."
    ]
    for row in suspects[:_LINES]:
        region = row.regions[0]
        known = " (in-sample)" if row.in_sample else ""
        lines.append(
            f"  {row.image_id} by {row.annotator}{known}: {region.labeled} may be "
            f"{region.predicted}, {100 * region.share:.1f} % of the image"
        )
    if in_sample := sum(row.in_sample for row in found.images):
        lines.append(
            f"In-sample: {in_sample}. Every champion has seen these labels, so some of their errors "
            "are missed."
        )
    if found.without_record:
        lines.append(
            f"Not checked, since the data set lacks the image: {len(found.without_record)}."
        )
    if found.tasks:
        lines.append(
            f"Tasks: {root}/{found.tasks}. Import them into the annotation tool, and hand the corrected "
            "labels in with `streetloop feedback add`."
        )
    return "\n".join(lines)
