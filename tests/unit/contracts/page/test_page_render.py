"""Rendering pages: what a template may count on, and that pages are packed with the code."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from pathlib import Path

import pytest
from jinja2 import UndefinedError

from components.contracts.page.render import render

ROOT = Path(__file__).parents[4]
PACKAGES = ("components", "pipelines", "streetloop", "tfds_cityscapes")


@dataclass(frozen=True)
class Note:
    title: str
    words: str


def _template(folder: Path, content: str) -> Path:
    path = folder / "note.html"
    path.write_text(
        f'{{% extends "base.html" %}}{{% from "macros.html" import cell %}}'
        f"{{% block content %}}{content}{{% endblock %}}"
    )
    return path


def test_render_puts_the_style_and_the_escaped_title_into_the_document(tmp_path: Path) -> None:
    template = _template(tmp_path, "<p>{{ page.words }}</p>")
    page = render(template, Note("A & B", "<b>'x'</b>"))
    assert page.startswith("<!DOCTYPE html>")
    assert page.count("A &amp; B") == 2
    assert "&lt;b&gt;&#39;x&#39;&lt;/b&gt;" in page
    assert "color-scheme: light" in page
    assert "<link" not in page


def test_render_fails_on_a_name_that_the_page_lacks(tmp_path: Path) -> None:
    with pytest.raises(UndefinedError, match="word"):
        render(_template(tmp_path, "{{ page.word }}"), Note("A", "b"))


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ("0.25", "25.00"),
        ("1525", "1,525"),
        ("0", "0"),
        ("'<i>'", "&lt;i&gt;"),
        ("none", '<span class="muted">–</span>'),
        ("''", '<span class="muted">–</span>'),
    ],
)
def test_cell_shows_shares_numbers_text_and_nothing(tmp_path: Path, value: str, shown: str) -> None:
    page = render(_template(tmp_path, f"[{{{{ cell({value}) }}}}]"), Note("A", ""))
    assert f"[{shown}]" in page


def test_package_data_names_every_file_that_the_code_reads() -> None:
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"]
    packed = {
        path
        for package, patterns in settings["package-data"].items()
        for pattern in patterns
        for path in ROOT.joinpath(*package.split(".")).glob(pattern)
    }
    sources = {".py", ".pyc", ".c", ".so", ".md"}
    data = {
        path
        for package in PACKAGES
        for path in (ROOT / package).rglob("*")
        if path.is_file() and path.suffix not in sources
    }
    assert {"base.html", "labels.html", "style.css"} <= {path.name for path in data}
    assert data <= packed
