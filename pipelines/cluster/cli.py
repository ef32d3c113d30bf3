"""`streetloop compile`, `submit`, `schedule`, `schedules` and `unschedule`: cycles on a cluster."""

from __future__ import annotations

import functools
from pathlib import Path

import click

from pipelines.options import PATH, Chosen, with_recipe

_with_recipe = functools.partial(
    with_recipe, root="The campaign root that pods see [default: <name> on cluster.volume]."
)


@click.command("compile")
@_with_recipe
@click.option(
    "--output",
    type=PATH,
    default="pipeline.yaml",
    show_default=True,
    help="The file to write.",
)
def compile_command(chosen: Chosen, output: Path) -> None:
    """Compile the pipeline for a Kubeflow Pipelines cluster.

    \b
    Example: streetloop compile pipelines/recipes/cityscapes.yaml --root gs://bucket/run --output pipeline.yaml
    """
    from pipelines.cluster.compile import compile_pipeline

    compile_pipeline(chosen.recipe(), chosen.root, output)
    click.echo(f"Wrote {output}.")


@click.command("submit")
@_with_recipe
def submit_command(chosen: Chosen) -> None:
    """Run one cycle on a Kubeflow Pipelines cluster.

    \b
    Example: streetloop submit pipelines/recipes/cityscapes.yaml --root gs://bucket/run
    """
    from pipelines.cluster.submit import submit

    started = submit(chosen.recipe(), chosen.root)
    click.echo(f"Started run {started.id}: {started.url}")


@click.command("schedule")
@_with_recipe
@click.option(
    "--cron",
    required=True,
    metavar="FIELDS",
    help="Six fields: second minute hour day month weekday.",
)
def schedule_command(chosen: Chosen, cron: str) -> None:
    """Run one cycle on the cluster at each scheduled time.

    \b
    Example: streetloop schedule pipelines/recipes/cityscapes.yaml --cron "0 0 2 * * *"
    """
    from pipelines.cluster.schedule import schedule

    started = schedule(chosen.recipe(), chosen.root, cron)
    click.echo(f"Scheduled {started.id}, one cycle at a time: {started.url}")


@click.command("schedules")
@_with_recipe
def schedules_command(chosen: Chosen) -> None:
    """List the schedules in the recipe's experiment on the cluster.

    \b
    Example: streetloop schedules pipelines/recipes/cityscapes.yaml
    """
    from pipelines.cluster.schedule import list_schedules

    recipe = chosen.recipe()
    rows = list_schedules(recipe)
    for row in rows:
        state = "on" if row.enabled else "off"
        click.echo(f"{row.name}  {row.cron}  {state}  {row.id}")
    if not rows:
        click.echo(f"There is no schedule in experiment {recipe.cluster.experiment}.")


@click.command("unschedule")
@_with_recipe
def unschedule_command(chosen: Chosen) -> None:
    """Delete the schedule of a campaign.

    A run that has started continues.

    \b
    Example: streetloop unschedule pipelines/recipes/cityscapes.yaml
    """
    from pipelines.cluster.schedule import delete_schedule

    for row in delete_schedule(chosen.recipe()):
        click.echo(f"Deleted schedule {row.name} ({row.cron}), {row.id}.")
