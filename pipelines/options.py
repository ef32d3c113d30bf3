"""The arguments of every command on a recipe: RECIPE, --root, --set and --data."""

from __future__ import annotations

import functools
import os
import shlex
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from components.contracts.process.errors import StreetloopError
from components.contracts.process.uri import is_local, local_path

if TYPE_CHECKING:
    from components.contracts.ledger.ledger import Ledger
    from components.contracts.recipe.recipe import Recipe


class _UserPath(click.Path):
    """A path; a shell leaves `~` alone in --output=~/out."""

    def convert(self, value: Any, param: Any, ctx: Any) -> Any:
        """Parse a path and expand `~`."""
        return super().convert(os.path.expanduser(value), param, ctx)


PATH = _UserPath(path_type=Path)


@dataclass(frozen=True)
class Chosen:
    """The recipe and the campaign root that a command line names.

    Attributes:
      path: the recipe, as the user named it.
      root: None for runs/<name of the campaign>.
      changes: KEY=VALUE, over the recipe's own values.
      data: the data set, in place of the recipe's.
    """

    path: Path
    root: str | None = None
    changes: tuple[str, ...] = ()
    data: str | None = None

    def recipe(self, *more: str) -> Recipe:
        """Read the recipe, with `more` changes."""
        from components.contracts.recipe.recipe import load

        return load(self.path, self.changes + more, self.data)

    def open(self, *more: str, suffix: str = "") -> tuple[Recipe, str]:
        """Read the recipe and return it with the root, which is runs/<name><suffix> by default."""
        recipe = self.recipe(*more)
        root = self.root or f"runs/{recipe.name}{suffix}"
        if is_local(root):
            root = str(local_path(root).absolute())
        return recipe, root

    def arguments(self, recipe: Recipe, root: str) -> str:
        """Return the arguments with which another command finds this campaign and its MLflow store.

        Args:
          recipe: as `open` returned it.
          root: as `open` returned it.
        """
        words = [str(self.path)]
        if Path(root) != Path(f"runs/{recipe.name}").absolute():
            words += ["--root", root]
        for change in self.changes:
            section = change.partition("=")[0].partition(".")[0]
            if section in ("name", "tracking"):
                words += ["--set", change]
        return shlex.join(words)

    def ledger(self) -> Ledger:
        """Open the campaign's ledger; StreetloopError if there is no campaign."""
        return open_campaign(self.open()[1])


def with_recipe(
    command: Callable[..., Any], root: str = "The campaign root [default: runs/<name>]."
) -> Callable[..., Any]:
    """Give a command RECIPE and its options, as one `Chosen`; `root` is the help text of --root."""

    @functools.wraps(command)
    def on_chosen(
        recipe: Path, root: str | None, changes: tuple[str, ...], data: str | None, **others: Any
    ) -> Any:
        return command(Chosen(recipe, root, changes, data), **others)

    decorated: Callable[..., Any] = on_chosen
    for decorator in (
        click.option("--data", metavar="PATH", help="The data set, in place of the recipe's."),
        click.option(
            "--set",
            "changes",
            multiple=True,
            metavar="KEY=VALUE",
            help="Change a setting, for example query.query_size=4. May be repeated.",
        ),
        click.option("--root", metavar="URI", help=root),
        click.argument("recipe", type=PATH),
    ):
        decorated = decorator(decorated)
    return decorated


def open_campaign(root: str) -> Ledger:
    """Open the ledger of the campaign in this root.

    Raises:
      StreetloopError: there is no campaign.
    """
    from components.contracts.ledger.ledger import Ledger
    from components.contracts.storage.open import open_storage

    ledger = Ledger(open_storage(root))
    if not ledger.state().created:
        raise StreetloopError(
            f"No campaign in {root}. Correct the recipe or --root, or start a campaign with "
            "`streetloop run`."
        )
    return ledger
