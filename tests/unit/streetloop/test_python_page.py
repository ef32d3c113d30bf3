"""The Python examples of the documentation run as they are printed, on a campaign that exists."""

from __future__ import annotations

import re
import shutil
import sys
from pathlib import Path

import pytest

import streetloop
from tests.support.waiting import finished

REPOSITORY = Path(__file__).parents[3]
CAMPAIGNS = REPOSITORY / "tests" / "fixtures" / "campaigns"
PAGE = REPOSITORY / "docs" / "how-to" / "python.md"


BLOCKS = re.findall(r"^```python\n(.*?)^```", PAGE.read_text(), re.MULTILINE | re.DOTALL)
SIMULATION = [block for block in BLOCKS if "streetloop.simulate(" in block]


def folder_of_the_page(folder: Path) -> Path:
    """A folder with a small recipe of the page's name, its campaign, and photos."""
    recipe = folder / "pipelines" / "recipes" / "smoke.yaml"
    recipe.parent.mkdir(parents=True)
    shutil.copy(CAMPAIGNS / "recipe.yaml", recipe)
    shutil.copytree(CAMPAIGNS / "v0.1", folder / "runs" / "frozen")
    shutil.copytree(REPOSITORY / "docs" / "images", folder / "photos")
    return folder


def lines_of(blocks: list[str], folder: Path) -> list[str]:
    done = finished([sys.executable, "-c", "\n".join(blocks)], cwd=folder)
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


@pytest.fixture(scope="module")
def printed(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """What the page's examples print, but the one of a simulation."""
    blocks = [block for block in BLOCKS if block not in SIMULATION]
    assert len(blocks) >= 6
    return lines_of(blocks, folder_of_the_page(tmp_path_factory.mktemp("page")))


def test_the_page_shows_each_cycle_and_the_state(printed: list[str]) -> None:
    assert "Campaign frozen is complete: nothing to train." in printed
    rows = [line.split() for line in printed if re.match(r"\d+ done \d+ ", line)]
    assert [(row[0], row[2]) for row in rows] == [("1", "3"), ("2", "4")]
    assert "True 4" in printed


def test_the_page_labels_each_photo_at_its_own_size(printed: list[str]) -> None:
    import cv2

    sizes = {
        path.stem: cv2.imread(str(path)).shape[:2]
        for path in (REPOSITORY / "docs" / "images").iterdir()
    }
    assert {f"{name} {size}" for name, size in sizes.items()} <= set(printed)


def test_the_page_prints_scores_and_an_error_in_words(printed: list[str]) -> None:
    miou, road = map(float, printed[-2].split())
    assert 0 <= miou <= 1
    assert 0 <= road <= 1
    assert printed[-1].startswith("Recipe not found: missing.yaml.")


@pytest.mark.slow
def test_the_page_compares_strategies(tmp_path: Path) -> None:
    printed = lines_of(
        [BLOCKS[0].partition("state =")[0], *SIMULATION], folder_of_the_page(tmp_path)
    )
    rows = [line for line in printed if re.match(r"(stratified|random|auto) \{2: ", line)]
    assert [row.split()[0] for row in rows] == ["stratified", "random", "auto"]


def test_the_page_names_every_function() -> None:
    functions = {name for name in streetloop.__all__ if name[0].islower()}
    text = PAGE.read_text()
    assert {name for name in functions if f"streetloop.{name}(" in text} == functions
