"""What a campaign with people waits for, where it is, and how to go on: in words."""

from __future__ import annotations

from typing import Any


def waiting_words(report: dict[str, Any], where: str) -> list[str]:
    """Lines for a person.

    Args:
      report: what `status` returns.
      where: the recipe, and the options that find the campaign again.
    """
    waiting, root = report["waiting"], report["root"]
    asked, files = waiting["images"], waiting["inbox"]
    lines = []
    if asked:
        lines.append(f"Waiting for labels of {counted(len(asked), 'image')}.")
        # The seed is asked for before there is a query: it has no folder.
        if waiting["folders"]:
            tasks = ", ".join(f"{root}/{folder}" for folder in waiting["folders"])
            lines.append(f"Tasks:    {tasks}")
            lines.append(f"Or push:  streetloop annotate push {where} --label-studio URL")
        lines.append(f"Hand in:  streetloop feedback add {where} FILE...")
    if files:
        lines.append(f"{counted(files, 'file')} in {root}/inbox: the next run takes them in.")
    new, needed = waiting["new_labels"], waiting["min_new_labels"]
    if 0 < new < needed:
        lines.append(
            f"{counted(new, 'new label')} so far; a cycle trains from {needed} on "
            "(feedback.min_new_labels)."
        )
    if asked:
        lines.append("Then `streetloop run`, with the same options as before, goes on.")
    return lines


def counted(number: int, what: str) -> str:
    """The number and the noun: "1 image", "2 images"."""
    return f"{number} {what}" + ("" if number == 1 else "s")
