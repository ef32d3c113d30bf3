"""Recipes that nobody wrote: each is read, or rejected with a message of a few lines."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from components.contracts.process.errors import UsageError
from components.contracts.recipe.recipe import load
from tests.support.damage import damaged_bytes, examples
from tests.support.hostile_exports import TEXTS, TREES, distorted_json

FILES = sorted((Path(__file__).parents[4] / "pipelines" / "recipes").glob("*.yaml"))
SOUND = [file.read_bytes() for file in FILES]


def must_hold(folder: Path, content: bytes, *changes: str) -> None:
    path = folder / "recipe.yaml"
    path.write_bytes(content)
    try:
        load(path, changes).resolved()
    except UsageError as error:
        message = str(error)
    else:
        message = ""
    assert len(message) < 20_000 + 20 * len(content)


@given(st.sampled_from(SOUND).flatmap(damaged_bytes))
@examples(60)
def test_damaged_recipes_are_read_or_rejected(tmp_path: Path, content: bytes) -> None:
    must_hold(tmp_path, content)


@given(st.sampled_from([yaml.safe_load(content) for content in SOUND]).flatmap(distorted_json))
@examples(60)
def test_distorted_recipes_are_read_or_rejected(tmp_path: Path, values: object) -> None:
    must_hold(tmp_path, yaml.safe_dump(values, allow_unicode=False).encode())


@given(TREES)
@examples(100)
def test_any_yaml_is_read_or_rejected(tmp_path: Path, values: object) -> None:
    must_hold(tmp_path, yaml.safe_dump(values, allow_unicode=False).encode())


@given(TEXTS, TEXTS)
@examples(100)
def test_any_change_is_applied_or_rejected(tmp_path: Path, key: str, value: str) -> None:
    must_hold(tmp_path, SOUND[0], f"{key}={value}")
    must_hold(tmp_path, SOUND[0], f"train.crop={value}", f"query.{key}={value}")


@pytest.mark.parametrize("key", ["train", "unknown", "name", "query"])
def test_a_recipe_that_repeats_itself_a_billion_times_is_rejected_in_short(
    tmp_path: Path, key: str
) -> None:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 9)]
    content = "\n".join([*lines, f"{key}: *a8", "inference: {scales: *a8}"])
    must_hold(tmp_path, content.encode())
