"""`streetloop status`, `evaluate` and `compare`: read a campaign."""

from __future__ import annotations

from pathlib import Path

import click

from components.contracts.process.uri import user_path
from pipelines.options import PATH, Chosen, with_recipe


@click.command("status")
@with_recipe
@click.option("--json", "as_json", is_flag=True, help="Print JSON, with fractions, not percent.")
def status_command(chosen: Chosen, as_json: bool) -> None:
    """Show the state of a campaign, and what it waits for.

    \b
    Example: streetloop status pipelines/recipes/synthetic.yaml --json
    """
    from pipelines.campaign.display import show_status

    recipe, root = chosen.open()
    show_status(recipe, root, as_json, chosen.arguments(recipe, root))


@click.command("evaluate")
@with_recipe
@click.option(
    "--split",
    type=click.Choice(["dev", "val", "test"]),
    default="val",
    show_default=True,
    help="The images to score on.",
)
def evaluate_command(chosen: Chosen, split: str) -> None:
    """Score the champion on a split, and write a report.

    \b
    Example: streetloop evaluate pipelines/recipes/synthetic.yaml --split val
    """
    from pipelines.campaign.champion import evaluate_champion

    evaluate_champion(*chosen.open(), split)


@click.command("compare")
@click.argument("campaigns", nargs=-1, required=True, metavar="RECIPE[@ROOT]...")
@click.option(
    "--output",
    type=PATH,
    default="compare.png",
    show_default=True,
    help="The picture of the learning curves.",
)
def compare_command(campaigns: tuple[str, ...], output: Path) -> None:
    """Print campaigns side by side, and draw their learning curves.

    \b
    Example: streetloop compare synthetic.yaml synthetic.yaml@runs/random --output curves.png
    """
    from pipelines.campaign.compare import compare

    chosen = [_chosen(text) for text in campaigns]
    opened = [one.open() for one in chosen]
    compare(opened, output, chosen[0].arguments(*opened[0]))


def _chosen(text: str) -> Chosen:
    """Split RECIPE@ROOT where the recipe is a file: either part may have an @ of its own."""
    parts = text.split("@")
    for count in range(len(parts), 0, -1):
        recipe = user_path("@".join(parts[:count]))
        if recipe.is_file():
            return Chosen(recipe, "@".join(parts[count:]) or None)
    return Chosen(user_path(parts[0]), "@".join(parts[1:]) or None)
