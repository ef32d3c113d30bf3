"""`streetloop run` and `streetloop ui`: a campaign on this machine."""

from __future__ import annotations

import sys

import click

from pipelines.options import Chosen, with_recipe


@click.command("run")
@with_recipe
@click.option(
    "--cycles",
    type=click.IntRange(min=1),
    help="Cycles that train, in place of the recipe's number.",
)
@click.option("--fresh", is_flag=True, help="Discard the existing campaign first, after asking.")
@click.option("--yes", is_flag=True, help="With --fresh: do not ask.")
@click.option("--skip-bad", is_flag=True, help="Leave unreadable images out, and list them.")
def run_command(chosen: Chosen, cycles: int | None, fresh: bool, yes: bool, skip_bad: bool) -> None:
    """Run active-learning cycles on this machine.

    An existing campaign continues.

    \b
    Example: streetloop run pipelines/recipes/camvid_small.yaml --data ~/camvid --cycles 3
    """
    from pipelines.local.campaign import run_campaign
    from pipelines.local.discard import discard

    changes = [f"cycle.cycles={cycles}"] if cycles else []
    if skip_bad:
        changes.append("data.skip_bad=true")
    recipe, root = chosen.open(*changes)
    discarding = (lambda: discard(root, recipe.data, yes)) if fresh else (lambda: None)
    sys.exit(run_campaign(recipe, root, chosen.arguments(recipe, root), discarding))


@click.command("ui")
@with_recipe
@click.option(
    "--port",
    type=click.IntRange(1, 65535),
    default=5000,
    show_default=True,
    help="Port of the page.",
)
@click.option("--open", "show", is_flag=True, help="Open the page in a browser.")
def ui_command(chosen: Chosen, port: int, show: bool) -> None:
    """Serve the MLflow UI on the campaign's store.

    The address that it prints leads to the learning curves of all campaigns in the store.

    \b
    Example: streetloop ui pipelines/recipes/synthetic.yaml --open
    """
    from pipelines.local.ui import serve_ui

    serve_ui(*chosen.open(), port, show=show)
