"""Results of an encoder whose file of weights was replaced under its path are not taken for the new one's."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from components.contracts.recipe.recipe import Recipe
from components.contracts.step.context import Context
from components.contracts.step.done import hash_inputs
from components.train import step
from pipelines.fits.fit import fit_of
from pipelines.simulate.plan import Design, features_folder, key_of
from tests.support.asking import IDS, RECORDS, before_query

SCENE: Any = SimpleNamespace(
    prefix="records/x", items={}, source=SimpleNamespace(fingerprint=lambda names: "f")
)


def fit(recipe: Recipe) -> str:
    return fit_of("all", 0, recipe.train, [], recipe, SCENE).key


def features(recipe: Recipe) -> str:
    return features_folder(recipe, SCENE)


def simulation(recipe: Recipe) -> str:
    objectives = recipe.train.objectives
    some = {"split": "val", "query_size": None}
    design = Design.of(["entropy"], "random", [0], [2], None, objectives, **some)
    return key_of(recipe, SCENE, design)


def recipe_of(weights: Path | str) -> Recipe:
    encoder = {"name": "efficientnet_lite0", "weights": str(weights)}
    return Recipe.model_validate({"name": "x", "train": {"network": {"encoder": encoder}}})


@pytest.mark.parametrize("key_for", [fit, features, simulation])
def test_another_content_has_another_key(tmp_path: Path, key_for: Callable[[Recipe], str]) -> None:
    recipe = recipe_of(tmp_path / "own.pth")
    keys = []
    for content in (b"one", b"two", b"one"):
        (tmp_path / "own.pth").write_bytes(content)
        keys.append(key_for(recipe))
    assert keys[0] == keys[2] != keys[1]


def test_training_is_not_done_with_another_content(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    recipe = recipe_of(tmp_path / "own.pth")
    _, root, *lease = before_query(tmp_path / "root", {}, len(IDS))
    shutil.copytree(RECORDS, tmp_path / "root" / "parts" / "labeled")
    seen: list[str] = []
    monkeypatch.setattr(step, "begin", lambda name: None)
    monkeypatch.setattr(
        Context, "once", lambda self, name, inputs, *_: seen.append(hash_inputs(inputs))
    )
    for content in (b"one", b"two", b"one"):
        (tmp_path / "own.pth").write_bytes(content)
        step.run(recipe.resolved(), root, *lease, "records/r", "parts")
    assert seen[0] == seen[2] != seen[1]
