"""The command `streetloop ablate`, and the checks of its options."""

from __future__ import annotations

import sys

import click

from components.contracts.process.errors import UsageError
from pipelines.experiment.options import labels_of, whole_numbers, with_results
from pipelines.options import Chosen


@click.command("ablate")
@with_results("-ablation")
@click.option(
    "--labels",
    metavar="1/N|N|all",
    help="Labeled images, drawn by seed [default: split.initial of the recipe].",
)
@click.option(
    "--seeds",
    default="0,1,2",
    show_default=True,
    metavar="N,N",
    help="Seeds; every variant is fitted with each.",
)
@click.option(
    "--variants",
    default="supervised,adversarial,self_training,consistency,all,recipe",
    show_default=True,
    metavar="NAME,NAME",
    help="Sets of objectives; the others are compared with the first.",
)
@click.option(
    "--split",
    type=click.Choice(["dev", "val"]),
    default="dev",
    show_default=True,
    help="The split of the differences. A choice made on val makes val's scores optimistic.",
)
def ablate_command(
    chosen: Chosen, labels: str | None, seeds: str, variants: str, split: str
) -> None:
    """Compare training objectives over several seeds.

    Prints scores and paired differences. An interrupted ablation continues. A complete one prints
    its table and trains nothing.

    \b
    Example: streetloop ablate pipelines/recipes/camvid_small.yaml --data ~/camvid --labels 46
    """
    from pipelines.ablation.plan import Design
    from pipelines.ablation.run import ablate
    from pipelines.console import program

    recipe, root = chosen.open(suffix="-ablation")
    amount = recipe.split.initial if labels is None else labels_of(labels)
    if not amount:
        raise UsageError("No labels to train on. Say how many with --labels 1/8.")
    code = ablate(
        recipe,
        root,
        Design(amount, whole_numbers("--seeds", seeds, "seeds"), _names(variants), split),
    )
    if code:
        sys.exit(code)
    click.echo(f"MLflow:   {program()} ui {chosen.arguments(recipe, root)} --open")


def _names(text: str) -> list[str]:
    from pipelines.ablation.variants import VARIANTS

    names = text.split(",")
    unknown = [name for name in names if name not in VARIANTS]
    if unknown or len(set(names)) < len(names):
        raise UsageError(
            f"Not a list of variants: {text!r}. Give --variants different names of {', '.join(VARIANTS)}."
        )
    return names
