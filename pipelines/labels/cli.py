"""`streetloop labels`: which labels are probably wrong."""

from __future__ import annotations

import sys
from functools import partial

import click

from pipelines.options import Chosen, with_recipe


@click.group("labels")
def labels_group() -> None:
    """Find labels that are probably wrong.

    \b
    Example: streetloop labels check pipelines/recipes/synthetic.yaml --ask 5
    """


@labels_group.command("check")
@with_recipe
@click.option(
    "--ask",
    type=click.IntRange(min=0),
    default=0,
    show_default=True,
    help="Write annotation tasks for so many of the most suspect labels.",
)
@click.option(
    "--pictures",
    type=click.IntRange(min=0),
    default=20,
    show_default=True,
    help="How many labels the page draws.",
)
def check_command(chosen: Chosen, ask: int, pictures: int) -> None:
    """Rank the campaign's labels by how probably they are wrong.

    Each label is compared with the prediction of a model that was not trained on it, where the ledger
    knows one. Writes reports/labels.json and reports/labels.html in the campaign root.

    \b
    Example: streetloop labels check pipelines/recipes/synthetic.yaml --ask 5
    """
    from rich.progress import track

    from pipelines.console import make_console
    from pipelines.labels.check import check_labels
    from pipelines.labels.words import summary

    chosen.ledger()  # one clear message if there is no campaign
    shown = partial(track, console=make_console(sys.stderr), transient=True)
    written = check_labels(*chosen.open(), pictures, ask, shown)
    click.echo(summary(written.found, written.root))
    click.echo(f"Report: {written.page}")
