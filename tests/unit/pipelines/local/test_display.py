"""What the console shows of the steps."""

from __future__ import annotations

import io
import logging
from pathlib import Path
from typing import Any

import pytest

from components.contracts.process import progress
from pipelines.console import make_console
from pipelines.local import bar
from pipelines.local.display import Screen


@pytest.fixture
def shown(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> io.StringIO:
    """The console of a command, while a step of this process reports to it."""
    path = tmp_path / "progress"
    path.touch()
    monkeypatch.setenv(progress.ENVIRONMENT, str(path))
    return io.StringIO()


def _screen(shown: io.StringIO) -> Screen:
    return Screen(make_console(shown))


def test_warnings_of_a_step_reach_the_console(shown: io.StringIO, tmp_path: Path) -> None:
    logger = logging.getLogger("streetloop")
    before = list(logger.handlers)
    try:
        with _screen(shown).following(tmp_path / "progress"):
            progress.show_warnings("evaluate")
            logger.warning("the run %s had been deleted", "smoke [cycle 1]")
            progress.Progress("evaluate", "images", 2).update(1)
    finally:
        logger.handlers = before
    assert shown.getvalue().splitlines() == [
        "  evaluate   warning: the run smoke [cycle 1] had been deleted",
        "  evaluate   images 1/2",
    ]


def test_a_sentence_of_a_step_reaches_the_console(shown: io.StringIO, tmp_path: Path) -> None:
    with _screen(shown).following(tmp_path / "progress"):
        progress.tell("query", "The pool is video. Strategy: kcenter_entropy.")
    expected = "  query      The pool is video. Strategy: kcenter_entropy."
    assert shown.getvalue().splitlines() == [expected]


def test_a_flood_of_warnings_is_cut_off(shown: io.StringIO, tmp_path: Path) -> None:
    logger = logging.getLogger("streetloop")
    before = list(logger.handlers)
    try:
        with _screen(shown).following(tmp_path / "progress"):
            progress.show_warnings("preprocess")
            for number in range(200):
                logger.warning("left out image %d", number)
    finally:
        logger.handlers = before
    lines = shown.getvalue().splitlines()
    assert len(lines) == 11
    assert lines[-1] == "  preprocess more warnings: see the log"


class _Cell:
    """What a notebook's display would show in one place."""

    def __init__(self) -> None:
        self.shown: list[str] = []

    def __call__(self, what: Any, *, display_id: bool) -> _Cell:
        assert display_id
        self.update(what)
        return self

    def update(self, what: Any) -> None:
        self.shown.append(what._repr_html_())


def test_a_notebook_gets_one_bar_that_is_updated_and_then_removed(
    shown: io.StringIO, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cell = _Cell()
    monkeypatch.setattr(bar, "notebook_display", lambda: cell)
    with _screen(shown).following(tmp_path / "progress"):
        progress.Progress("train", "steps", 8).update(2, "loss < 3")
    assert len(cell.shown) == 3
    assert 'value="2" max="8"' in cell.shown[1]
    assert "<b>train</b> steps 2/8 (loss &lt; 3)" in cell.shown[1]
    assert cell.shown[2] == ""
    assert shown.getvalue() == ""


def test_a_notebook_is_no_terminal_whatever_its_stream_says(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    class Stream(io.StringIO):
        def isatty(self) -> bool:
            return True

    console = make_console(Stream())
    assert isinstance(bar.bar_for(console), bar.TerminalBar)
    monkeypatch.setattr(bar, "notebook_display", _Cell)
    assert isinstance(bar.bar_for(console), bar.NotebookBar)


def test_outside_of_a_notebook_nothing_is_displayed() -> None:
    assert bar.notebook_display() is None
