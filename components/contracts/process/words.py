"""Small wordings that messages share."""

from __future__ import annotations


def counted(number: int, what: str) -> str:
    """Return the number and the noun: "1 image", "2 images"."""
    return f"{number} {what}" + ("" if number == 1 else "s")
