"""Which names can be stored, printed in one line, and used as a file's name."""

from __future__ import annotations

import unicodedata

MOST_CHARACTERS = 200  # of an image id
# Control characters, line and paragraph separators, and surrogates (bytes that are not UTF-8). Blanks of
# every script and invisible marks are allowed: macOS itself writes U+202F into the names of screenshots.
_IMPOSSIBLE = frozenset({"Cc", "Zl", "Zp", "Cs"})


def is_one_line(text: str) -> bool:
    """Return whether a text has only characters that a name may have."""
    return text.isprintable() or not any(unicodedata.category(c) in _IMPOSSIBLE for c in text)


def is_usable_name(text: str) -> bool:
    """Return whether a text can be the id of an image, apart from dots and slashes."""
    return 0 < len(text) <= MOST_CHARACTERS and is_one_line(text)


def why_not_one_line(text: str) -> str | None:
    """Return why a file's name is not one line, with the remedy; None if it is."""
    if is_one_line(text):
        return None
    if any(unicodedata.category(c) == "Cs" for c in text):
        return "its name is not UTF-8; rename it"
    return "its name holds a tab, a line break or another control character; rename it"


def as_one_line(text: str) -> str:
    """Return a text with U+FFFD for what a name may not have."""
    return "".join("\ufffd" if unicodedata.category(c) in _IMPOSSIBLE else c for c in text)
