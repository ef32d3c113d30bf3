"""The command `streetloop simulate`, and the checks of its options."""

from __future__ import annotations

import sys

import click

from components.contracts.process.errors import UsageError
from pipelines.experiment.options import whole_numbers, with_results
from pipelines.options import Chosen


@click.command("simulate")
@with_results("-simulation")
@click.option(
    "--strategies",
    default="stratified,random,entropy,auto",
    show_default=True,
    metavar="NAME,NAME",
    help="Ways to choose images, as query.strategy names them; all for every one that can be simulated. "
    "With @region, as in entropy@region, it chooses as many regions as those images have.",
)
@click.option("--seeds", default="0,1,2,3,4", show_default=True, metavar="N,N", help="Repetitions.")
@click.option(
    "--budgets",
    default="8,16,32,64",
    show_default=True,
    metavar="N,N",
    help="Numbers of labels at which a model is fitted and scored.",
)
@click.option(
    "--query-size",
    type=click.IntRange(1),
    metavar="N",
    help="Labels asked for at once [default: what is missing to the next budget].",
)
@click.option(
    "--baseline",
    default="stratified",
    show_default=True,
    metavar="NAME",
    help="The strategy with which the others are compared.",
)
@click.option(
    "--split",
    type=click.Choice(["dev", "val"]),
    default="dev",
    show_default=True,
    help="The images that are scored. A choice made on val makes val's scores optimistic.",
)
@click.option(
    "--steps", type=click.IntRange(1), metavar="N", help="Training steps per fit [default: 400]."
)
@click.option(
    "--processes",
    type=click.IntRange(1),
    metavar="N",
    help="Fits that run side by side [default: one per processor].",
)
def simulate_command(
    chosen: Chosen,
    strategies: str,
    seeds: str,
    budgets: str,
    query_size: int | None,
    baseline: str,
    split: str,
    steps: int | None,
    processes: int | None,
) -> None:
    """Measure which strategy saves labels on your data, and how many.

    The masks of the data set answer every query at once. Each model is a small head on a frozen
    encoder, so that a fit takes seconds. An interrupted simulation continues.

    \b
    Example: streetloop simulate pipelines/recipes/camvid.yaml --data ~/camvid --set split.dev_by=city
    """
    from pipelines.console import program
    from pipelines.simulate.plan import Design
    from pipelines.simulate.run import simulate

    names = _strategies(strategies, baseline)
    recipe, root = chosen.open(suffix="-simulation")
    design = Design.of(
        names,
        baseline,
        whole_numbers("--seeds", seeds),
        _budgets(budgets),
        steps,
        recipe.train.objectives,
        query_size=query_size,
        split=split,
    )
    code = simulate(recipe, root, design, processes)
    if code:
        sys.exit(code)
    click.echo(f"MLflow:   {program()} ui {chosen.arguments(recipe, root)} --open")


def _strategies(text: str, baseline: str) -> list[str]:
    from pipelines.simulate.ways import ALL, NAMES

    names = [*ALL] if text == "all" else text.split(",")
    unknown = [name for name in (*names, baseline) if name not in NAMES]
    if unknown or len(set(names)) < len(names):
        raise UsageError(
            f"Not a list of strategies: {text!r} with the baseline {baseline!r}. Give different names of "
            f"{', '.join(NAMES)}."
        )
    return names


def _budgets(text: str) -> list[int]:
    budgets = whole_numbers("--budgets", text)
    if 0 in budgets:
        raise UsageError("A budget is 0. Give --budgets numbers of labels, as 8,16,32.")
    return budgets
