"""The tutorial's commands, read from its page and run in a folder of their own, on small streets."""

from __future__ import annotations

import json
import re
import shlex
import shutil
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.support.campaigns import SMOKE, state_of, streetloop
from tfds_cityscapes.synthetic.__main__ import main as generate

pytestmark = pytest.mark.slow

PAGE = Path(__file__).parents[2] / "docs" / "tutorial.md"
SECTIONS = dict(re.findall(r"^## (\w+)\. [^\n]*\n(.*?)(?=^## |\Z)", PAGE.read_text(), re.M | re.S))
BLOCK = re.compile(r"^```(\w*)\n(.*?)^```", re.M | re.S)


def commands(section: str) -> list[list[str]]:
    """The commands of a section, without the one that serves a page until it is stopped."""
    lines = "".join(text for kind, text in BLOCK.findall(SECTIONS[section]) if not kind)
    words = [shlex.split(line)[1:] for line in lines.splitlines() if line.startswith("streetloop ")]
    return [line for line in words if line[0] != "ui"]


def settings(section: str) -> dict[str, Any]:
    """The first YAML that a section shows."""
    shown: dict[str, Any] = next(
        yaml.safe_load(text) for kind, text in BLOCK.findall(SECTIONS[section]) if kind == "yaml"
    )
    return shown


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with the data set `mycity` and the tutorial's recipe, which trains as little as the smoke recipe."""
    words = ["--output", str(tmp_path / "mycity"), "--seed", "7", "--images", "80", "--val", "6"]
    assert generate([*words, "--size", "64x128"]) == 0
    small = yaml.safe_load(Path(SMOKE).read_text())["train"]
    write(tmp_path, settings("2") | {"train": small, "cycle": {"cycles": 2}})
    return tmp_path


def write(folder: Path, recipe: dict[str, Any]) -> None:
    recipe["data"] = {"source": str(folder / "mycity"), "size": [64, 128]}
    (folder / "mycity.yaml").write_text(yaml.safe_dump(recipe))


def change(folder: Path, changed: dict[str, Any]) -> None:
    """Write what a person changes in the recipe."""
    write(folder, yaml.safe_load((folder / "mycity.yaml").read_text()) | changed)


def run(folder: Path, words: list[str]) -> str:
    """What a command prints; it must exit with 0. Names with a * are those of files, as in a shell."""
    found = [sorted(folder.glob(w)) if "*" in w else [w] for w in words]
    done = streetloop(*(str(word) for group in found for word in group), cwd=folder)
    assert done.returncode == 0, f"{words}\n{done.stdout}\n{done.stderr}"
    return done.stdout


def test_a_simulation_is_compared_looked_at_and_used(folder: Path) -> None:
    for words in commands("3a"):
        run(folder, words)
    assert len(state_of(folder / "runs/mycity").trained) == 2
    assert len(state_of(folder / "runs/mycity-random").trained) == 2
    for words in commands("4"):
        run(folder, words)
    assert (folder / "runs/mycity/campaign.html").exists()
    assert (folder / "runs/mycity/cycles/2/report.html").exists()
    photos = folder / "photos"
    photos.mkdir()
    for photo in sorted((folder / "mycity/leftImg8bit/val").rglob("*.png"))[:2]:
        shutil.copy(photo, photos / photo.name)
    for words in commands("5"):
        run(folder, words)
    assert len(list((folder / "out").glob("*_labelIds.png"))) == 2


def test_people_answer_a_campaign_without_label_maps(folder: Path) -> None:
    truth = folder / "truth"
    (folder / "mycity/gtFine/train").rename(truth)  # what people will draw
    change(folder, settings("3b"))
    first, hand_in, again = commands("3b")
    assert "Waiting for labels of 16 images." in run(folder, first)
    assert list((folder / "runs/mycity/queries/1/images").glob("*.png"))
    (folder / "masks").mkdir()
    asked = state_of(folder / "runs/mycity").outstanding
    for image_id in asked:
        (mask,) = truth.rglob(f"{image_id}_gtFine_labelIds.png")
        shutil.copy(mask, folder / "masks")
    run(folder, hand_in)
    run(folder, again)
    state = state_of(folder / "runs/mycity")
    assert set(state.labels) == set(asked)
    assert len(state.trained) == 1
    assert state.outstanding.keys().isdisjoint(asked)


def test_a_campaign_starts_from_label_maps_that_exist(folder: Path) -> None:
    masks = sorted((folder / "mycity/gtFine/train").rglob("*_labelIds.png"))
    kept = {mask.name.removesuffix("_gtFine_labelIds.png") for mask in masks[::2]}
    for mask in masks[1::2]:
        mask.unlink()
    change(folder, settings("3c"))
    (words,) = commands("3c")
    run(folder, words)
    state = state_of(folder / "runs/mycity")
    index = next((folder / "runs/mycity/records").glob("*/index.json"))
    pool = {i for i, entry in json.loads(index.read_text()).items() if entry["split"] == "train"}
    assert set(state.labels) == kept & pool
    assert len(state.trained) == 1
    assert set(state.outstanding) <= pool - kept
    assert state.outstanding
