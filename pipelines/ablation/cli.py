"""`streetloop ablate`: what the command takes."""

from __future__ import annotations

import functools
import re
import sys
from pathlib import Path

import click

from components.contracts.process.errors import UsageError
from pipelines.options import opened, with_recipe

_with_recipe = functools.partial(
    with_recipe, root="Where results lie; no campaign's root [default: runs/<name>-ablation]."
)


@click.command("ablate")
@_with_recipe
@click.option(
    "--labels",
    metavar="1/N|N|all",
    help="Labeled images, chosen by seed [default: split.initial of the recipe].",
)
@click.option("--seeds", default="0,1,2", show_default=True, metavar="N,N", help="Of the fits.")
@click.option(
    "--variants",
    default="supervised,adversarial,self_training,consistency,all,recipe",
    show_default=True,
    metavar="NAME,NAME",
    help="The first is what the others are compared with.",
)
@click.option(
    "--split",
    type=click.Choice(["dev", "val"]),
    default="dev",
    show_default=True,
    help="Whose differences are shown. What is chosen by val is not measured by it any more.",
)
def ablate_command(
    recipe: Path,
    root: str | None,
    changes: tuple[str, ...],
    data: str | None,
    labels: str | None,
    seeds: str,
    variants: str,
    split: str,
) -> None:
    """Switch objectives on and off over seeds; print scores and paired differences.

    Goes on where it was stopped. A complete ablation prints its table and trains nothing.

    \b
    Example: streetloop ablate pipelines/recipes/camvid_small.yaml --data ~/camvid --labels 46
    """
    from pipelines.ablation.run import ablate

    loaded, where = opened(recipe, root, changes, data, "-ablation")
    amount = loaded.split.initial if labels is None else _labels(labels)
    if not amount:
        raise UsageError("Expected labels to train on; got 0. Say how many with --labels 1/8.")
    code = ablate(loaded, where, amount, _seeds(seeds), _names(variants), split)
    if code:
        sys.exit(code)
    click.echo(f"MLflow:   streetloop ui {recipe} --root {where}")


def _labels(text: str) -> int | str:
    if text.isdecimal():
        return int(text)
    if not re.fullmatch(r"all|1/[1-9][0-9]*", text):
        raise UsageError(f"Expected --labels as a number, 1/8 or all; got {text!r}.")
    return text


def _seeds(text: str) -> list[int]:
    parts = text.split(",")
    if not all(re.fullmatch(r"[0-9]{1,9}", part) for part in parts) or len(set(parts)) < len(parts):
        raise UsageError(f"Expected --seeds as different whole numbers, 0,1,2; got {text!r}.")
    return [int(part) for part in parts]


def _names(text: str) -> list[str]:
    from pipelines.ablation.variants import VARIANTS

    names = text.split(",")
    unknown = [name for name in names if name not in VARIANTS]
    if unknown or len(set(names)) < len(names):
        raise UsageError(
            f"Expected --variants as different names out of {', '.join(VARIANTS)}; got {text!r}."
        )
    return names
