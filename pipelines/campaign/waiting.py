"""What a campaign with people waits for, where it is, and how to continue: in words."""

from __future__ import annotations

from pipelines.campaign.status import CampaignStatus
from pipelines.console import program


def waiting_words(status: CampaignStatus, where: str) -> list[str]:
    """Return lines for a person.

    Args:
      status: of the campaign.
      where: the recipe, and the options that find the campaign again.
    """
    waiting, root = status.waiting, status.root
    asked, files = waiting.images, waiting.inbox
    lines = []
    if asked:
        lines.append(f"Waiting for labels of {counted(len(asked), 'image')}.")
        # The seed is asked for before there is a query: it has no folder.
        if waiting.folders:
            tasks = ", ".join(f"{root}/{folder}" for folder in waiting.folders)
            lines.append(f"Tasks:    {tasks}")
            lines.append(f"Or push:  {program()} annotate push {where} --label-studio URL")
        lines.append(f"Hand in:  {program()} feedback add {where} FILE...")
    if files:
        lines.append(f"{counted(files, 'file')} in {root}/inbox: the next run ingests them.")
    new, needed = waiting.new_labels, waiting.min_new_labels
    if 0 < new < needed:
        lines.append(
            f"{counted(new, 'new label')} so far; a cycle trains from {needed} on "
            "(feedback.min_new_labels)."
        )
    if asked:
        lines.append(f"Then run `{program()} run` with the same options to continue.")
    if not asked and status.cycles and status.cycles[-1].outcome == "nothing_to_do":
        lines.append(
            "Nothing to do: no label is new, and there is nothing left to ask for (the pool is used up, "
            "or query.label_budget is reached)."
        )
    return lines


def counted(number: int, what: str) -> str:
    """Return the number and the noun: "1 image", "2 images"."""
    return f"{number} {what}" + ("" if number == 1 else "s")
