"""The messages that the troubleshooting page explains are those that the code prints."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from tests.support.places import REPOSITORY

PAGE = REPOSITORY / "docs" / "how-to" / "cluster-troubleshooting.md"


def texts() -> Iterator[str]:
    """Every text in the code, with … where a value is inserted."""
    for package in ("components", "pipelines"):
        for path in (REPOSITORY / package).rglob("*.py"):
            for node in ast.walk(ast.parse(path.read_text())):
                if isinstance(node, ast.Constant) and isinstance(node.value, str):
                    yield re.sub(r"%[sd]", "…", node.value)
                elif isinstance(node, ast.JoinedStr):
                    parts = (v.value if isinstance(v, ast.Constant) else "…" for v in node.values)
                    yield "".join(str(part) for part in parts)


def messages(page: str) -> list[str]:
    headings = re.findall(r"^### `(.+)`$", page, re.MULTILINE)
    return headings + re.findall(r"has the line `([^`]+)`", page)


def test_every_message_is_one_of_the_code() -> None:
    known = [" ".join(text.split()) for text in texts()]
    found = messages(PAGE.read_text())
    assert len(found) >= 15
    assert [words for words in found if not any(words in text for text in known)] == []
