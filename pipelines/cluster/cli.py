"""The commands that talk to a Kubeflow Pipelines cluster."""

from __future__ import annotations

from pathlib import Path

import click

from pipelines.cli import main, with_recipe


@main.command()
@with_recipe
def submit(recipe: Path, root: str | None, changes: tuple[str, ...], data: str | None) -> None:
    """Start one cycle on a Kubeflow Pipelines cluster.

    \b
    Example: streetloop submit pipelines/recipes/cityscapes.yaml --root gs://bucket/run
    """
    from components.contracts.recipe.recipe import load
    from pipelines.cluster import run as cluster

    started = cluster.submit(load(recipe, changes, data), root)
    click.echo(f"Started run {started.id}: {started.url}")


@main.command()
@with_recipe
@click.option(
    "--cron",
    required=True,
    metavar="FIELDS",
    help="Six fields: second minute hour day month weekday.",
)
def schedule(
    recipe: Path, root: str | None, changes: tuple[str, ...], data: str | None, cron: str
) -> None:
    """Start one cycle at every firing of a schedule, on the cluster.

    \b
    Example: streetloop schedule pipelines/recipes/cityscapes.yaml --cron "0 0 2 * * *"
    """
    from components.contracts.recipe.recipe import load
    from pipelines.cluster import run as cluster

    made = cluster.schedule(load(recipe, changes, data), root, cron)
    click.echo(f"Scheduled {made.id}, one cycle at a time: {made.url}")


@main.command()
@with_recipe
def schedules(recipe: Path, root: str | None, changes: tuple[str, ...], data: str | None) -> None:
    """List the schedules in the recipe's experiment on the cluster.

    \b
    Example: streetloop schedules pipelines/recipes/cityscapes.yaml
    """
    from components.contracts.recipe.recipe import load
    from pipelines.cluster import run as cluster

    loaded = load(recipe, changes, data)
    rows = cluster.list_schedules(loaded)
    for row in rows:
        state = "on" if row.enabled else "off"
        click.echo(f"{row.name}  {row.cron}  {state}  {row.id}")
    if not rows:
        click.echo(f"There is no schedule in experiment {loaded.cluster.experiment}.")


@main.command()
@with_recipe
def unschedule(recipe: Path, root: str | None, changes: tuple[str, ...], data: str | None) -> None:
    """End the schedule of the recipe's campaign; a run that has begun goes on.

    \b
    Example: streetloop unschedule pipelines/recipes/cityscapes.yaml
    """
    from components.contracts.recipe.recipe import load
    from pipelines.cluster import run as cluster

    for row in cluster.delete_schedule(load(recipe, changes, data)):
        click.echo(f"Ended schedule {row.name} ({row.cron}), {row.id}.")
