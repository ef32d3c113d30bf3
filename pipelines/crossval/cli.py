"""The command `streetloop crossval`, and the checks of its options."""

from __future__ import annotations

import re
import sys

import click

from components.contracts.process.errors import UsageError
from pipelines.experiment.options import labels_of, whole_numbers, with_results
from pipelines.options import Chosen


@click.command("crossval")
@with_results("-crossval")
@click.option(
    "--folds",
    type=click.IntRange(min=2),
    help="Group the cities into so many folds [default: each city is one].",
)
@click.option("--seeds", default="0", show_default=True, metavar="N,N", help="Repetitions.")
@click.option(
    "--labels",
    default="all",
    show_default=True,
    metavar="1/N|N|all",
    help="Labeled images to train on, drawn by seed from the cities that are left.",
)
@click.option(
    "--variant",
    "variants",
    multiple=True,
    metavar="NAME:KEY=VALUE",
    help="Also fit the recipe with this change, and compare. Repeat NAME for further changes.",
)
def crossval_command(
    chosen: Chosen, folds: int | None, seeds: str, labels: str, variants: tuple[str, ...]
) -> None:
    """Score a recipe on places that its training has not seen.

    Each city of the train part is held out in turn. The last weights are scored, so nothing is chosen
    by the score, and val is not looked at. An interrupted cross-validation continues.

    \b
    Example: streetloop crossval pipelines/recipes/camvid.yaml --data ~/camvid --seeds 0,1
    """
    from pipelines.console import program
    from pipelines.crossval.plan import Variant
    from pipelines.crossval.run import cross_validate

    recipe, root = chosen.open(suffix="-crossval")
    changes = changes_of(variants)
    code = cross_validate(
        [Variant("recipe", recipe)]
        + [Variant(name, chosen.recipe(*more)) for name, more in changes.items()],
        root,
        folds,
        whole_numbers("--seeds", seeds, "seeds"),
        labels_of(labels),
    )
    if code:
        sys.exit(code)
    click.echo(f"MLflow:   {program()} ui {chosen.arguments(recipe, root)} --open")


def changes_of(variants: tuple[str, ...]) -> dict[str, list[str]]:
    """Return the changes of each variant, in the order of their first mention."""
    found: dict[str, list[str]] = {}
    for text in variants:
        parts = re.fullmatch(r"([A-Za-z0-9_-]{1,40}):([a-z_.0-9]+=.*)", text, re.DOTALL)
        if parts is None or parts[1] == "recipe":
            raise UsageError(
                f"Not a variant: {text!r}. Give --variant NAME:KEY=VALUE, as "
                "'lowrate:train.optimizer.learning_rate=0.0005', with a name other than recipe."
            )
        found.setdefault(parts[1], []).append(parts[2])
    return found
