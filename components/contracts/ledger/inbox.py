"""The inbox of a campaign: the files that are completely copied."""

from __future__ import annotations

from pathlib import PurePosixPath

BY = "@"  # begins a folder of the inbox that names the annotator: inbox/@ann/mask.png


def arrived(names: list[str]) -> list[str]:
    """Return the files that are complete: `.part` and dotfiles are still being copied.

    A name that cannot be printed (a line break, bytes that are not text) cannot be stored either.
    """
    return [
        name
        for name in names
        if not name.endswith(".part")
        and name.isprintable()
        and not any(part.startswith(".") for part in PurePosixPath(name).parts)
    ]
