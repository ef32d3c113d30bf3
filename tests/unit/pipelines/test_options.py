"""The options that name a campaign, and the hints that repeat them."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from components.contracts.recipe.recipe import Recipe
from components.contracts.recipe.tracking import store_uri
from components.contracts.storage.open import open_storage
from components.cycle.changes import create
from pipelines.cli import main
from pipelines.options import Chosen, with_recipe


def _opened(*words: str) -> Chosen:
    """What a command line with these arguments names."""
    found: list[Chosen] = []
    CliRunner().invoke(click.command()(with_recipe(found.append)), words, catch_exceptions=False)
    return found[0]


@pytest.fixture
def recipe(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    Path("my city.yaml").write_text("name: mycity\n")
    return "my city.yaml"


@pytest.mark.parametrize(
    ("options", "repeated"),
    [
        ("", ""),
        ("--root runs/mycity", ""),
        ("--set train.steps=4", ""),
        ("--set name=other", "--set name=other"),
        ("--set name=other --root runs/mycity", "--root {here}/runs/mycity --set name=other"),
        ("--root runs/other", "--root {here}/runs/other"),
        ("--root gs://bucket/a", "--root gs://bucket/a"),
        ("--set tracking.uri=sqlite:///m.db", "--set tracking.uri=sqlite:///m.db"),
    ],
)
def test_arguments_find_the_campaign_and_its_store_again(
    recipe: str, tmp_path: Path, options: str, repeated: str
) -> None:
    chosen = _opened(recipe, *shlex.split(options))
    settings, root = chosen.open()
    arguments = chosen.arguments(settings, root)
    assert arguments == f"'my city.yaml' {repeated.format(here=tmp_path)}".rstrip()
    again, same_root = _opened(*shlex.split(arguments)).open()
    assert (again.name, same_root) == (settings.name, root)
    assert store_uri(again.tracking, root) == store_uri(settings.tracking, root)


def test_the_hints_of_status_lead_to_the_campaign_that_it_shows(recipe: str) -> None:
    create(open_storage("runs/foo2"), Recipe(name="foo2"))
    done = CliRunner().invoke(main, ["status", recipe, "--set", "name=foo2"])
    assert done.exit_code == 0, done.output
    (hint,) = re.findall(r"^MLflow: .* ui (.*) --open$", done.output, re.MULTILINE)
    assert _opened(*shlex.split(hint)).open()[1] == str(Path("runs/foo2").absolute())
