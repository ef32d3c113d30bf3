"""What every command on a recipe takes: RECIPE, --root, --set and --data."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from components.contracts.process.errors import StreetloopError

if TYPE_CHECKING:
    from components.contracts.ledger.ledger import Ledger
    from components.contracts.recipe.recipe import Recipe


def with_recipe(
    command: Callable[..., Any], root: str = "The campaign root [default: runs/<name>]."
) -> Callable[..., Any]:
    """Adds RECIPE and the options that every command on a recipe takes; `root` says what it is."""
    for decorator in (
        click.option("--data", metavar="PATH", help="The data set, instead of the recipe's."),
        click.option(
            "--set",
            "changes",
            multiple=True,
            metavar="KEY=VALUE",
            help="Change a setting, as query.query_size=4. May be repeated.",
        ),
        click.option("--root", metavar="URI", help=root),
        click.argument("recipe", type=click.Path(path_type=Path)),
    ):
        command = decorator(command)
    return command


def opened(
    recipe: Path,
    root: str | None,
    changes: tuple[str, ...],
    data: str | None,
    suffix: str = "",
) -> tuple[Recipe, str]:
    """Reads the recipe; finds the root, which is runs/<name><suffix> unless the user says another."""
    from components.contracts.recipe.recipe import load, no_python3

    loaded = load(recipe, changes, data)
    where = root or f"runs/{loaded.name}{suffix}"
    if not where.startswith("gs://"):
        where = str(Path(where.removeprefix("file://")).expanduser().absolute())
        no_python3(where, "--root")
    return loaded, where


def campaign_in(root: str) -> Ledger:
    """The ledger of the campaign in this root.

    Raises:
      StreetloopError: there is none.
    """
    from components.contracts.ledger.ledger import Ledger
    from components.contracts.storage.open import open_storage

    ledger = Ledger(open_storage(root))
    if not ledger.state().created:
        raise StreetloopError(
            f"Expected a campaign in {root}; there is none. Correct the recipe or --root, or start "
            "one with `streetloop run`."
        )
    return ledger
