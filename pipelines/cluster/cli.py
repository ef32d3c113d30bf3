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
@click.option(
    "--wait", is_flag=True, help="Follow the steps until the run ends; exit with 1 if it fails."
)
@click.option("--dry-run", is_flag=True, help="Print what would be sent, and send nothing.")
def submit_command(chosen: Chosen, wait: bool, dry_run: bool) -> None:
    """Run one cycle on a Kubeflow Pipelines cluster.

    Stopping `--wait` does not stop the run.

    \b
    Example: streetloop submit pipelines/recipes/cityscapes.yaml --root gs://bucket/run --wait
    """
    from pipelines.cluster.submit import describe_submission, submit

    recipe = chosen.recipe()
    if dry_run:
        click.echo(describe_submission(recipe, chosen.root), nl=False)
        return
    started = submit(recipe, chosen.root)
    click.echo(f"Started run {started.id}: {started.url}")
    if wait:
        from pipelines.cluster.follow import follow

        follow(recipe, started, click.echo)


@click.command("runs")
@_with_recipe
@click.option(
    "--limit",
    type=click.IntRange(1),
    default=20,
    show_default=True,
    help="How many, the newest first.",
)
def runs_command(chosen: Chosen, limit: int) -> None:
    """List the campaign's runs on the cluster, with their state and link.

    \b
    Example: streetloop runs pipelines/recipes/cityscapes.yaml
    """
    from pipelines.cluster.runs import list_runs

    recipe = chosen.recipe()
    rows = list_runs(recipe, limit)
    for row in rows:
        how = "scheduled" if row.scheduled else "submitted"
        click.echo(f"{row.created}  {row.state:<9}  {how}  {row.name}  {row.id}  {row.url}")
    if not rows:
        click.echo(f"Campaign {recipe.name} has no run in experiment {recipe.cluster.experiment}.")


@click.command("logs")
@_with_recipe
@click.argument("step", required=False)
@click.option("--run", "run_id", metavar="ID", help="The run [default: the campaign's newest].")
def logs_command(chosen: Chosen, step: str | None, run_id: str | None) -> None:
    """Print the log of a step of a run on the cluster.

    Without STEP it is the step that failed, else the newest.

    \b
    Example: streetloop logs pipelines/recipes/cityscapes.yaml train
    """
    from pipelines.cluster.logs import step_log

    found, text = step_log(chosen.recipe(), step, run_id)
    click.echo(f"{found.name}: {found.state}", err=True)
    click.echo(text, nl=not text.endswith("\n"))


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
