"""Where exports wait in a campaign root, and which of the files there are whole."""

from __future__ import annotations

from pathlib import PurePosixPath

BY = "@"  # begins a folder of the inbox that names the annotator: inbox/@ann/mask.png


def arrived(names: list[str]) -> list[str]:
    """The inbox files that are whole: `.part` and dotfiles are still being copied.

    A name that cannot be printed (a line break, bytes that are no text) cannot be stored either.
    """
    return [
        name
        for name in names
        if not name.endswith(".part")
        and name.isprintable()
        and not any(part.startswith(".") for part in PurePosixPath(name).parts)
    ]
