"""`streetloop compile`, `submit`, `runs`, `logs` and `cluster check`: cycles on a cluster."""

from __future__ import annotations

from pathlib import Path

import click

from pipelines.cluster.options import with_pods_recipe
from pipelines.options import PATH, Chosen


@click.command("compile")
@with_pods_recipe
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
    Example: streetloop compile mycity.yaml --root gs://bucket/run --output pipeline.yaml
    """
    from pipelines.cluster.compile import compile_pipeline

    compile_pipeline(chosen.recipe(), chosen.root, output)
    click.echo(f"Wrote {output}.")


@click.command("submit")
@with_pods_recipe
@click.option(
    "--wait", is_flag=True, help="Follow the steps until the run ends; exit with 1 if it fails."
)
@click.option("--dry-run", is_flag=True, help="Print what would be sent, and send nothing.")
def submit_command(chosen: Chosen, wait: bool, dry_run: bool) -> None:
    """Run one cycle on a Kubeflow Pipelines cluster.

    Stopping `--wait` does not stop the run.

    \b
    Example: streetloop submit mycity.yaml --root gs://bucket/run --wait
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
@with_pods_recipe
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
@with_pods_recipe
@click.argument("step", required=False)
@click.option("--run", "run_id", metavar="ID", help="The run [default: the campaign's newest].")
def logs_command(chosen: Chosen, step: str | None, run_id: str | None) -> None:
    """Print the log of a step of a run on the cluster.

    Without STEP it is the step that failed, else the newest. A log that the cluster no longer has is read
    from the campaign root.

    \b
    Example: streetloop logs pipelines/recipes/cityscapes.yaml train
    """
    from pipelines.cluster.logs import step_log

    found, text = step_log(chosen.recipe(), chosen.root, step, run_id)
    click.echo(found, err=True)
    click.echo(text, nl=not text.endswith("\n"))


@click.group("cluster")
def cluster_group() -> None:
    """Check a Kubeflow Pipelines cluster."""


@cluster_group.command("check")
@with_pods_recipe
def check_command(chosen: Chosen) -> None:
    """Check from this machine whether the recipe can run on its cluster.

    Nothing is created there. Exits with 1 if a check fails; what this machine cannot tell is marked "?".

    \b
    Example: streetloop cluster check mycity.yaml --root gs://bucket/run
    """
    from components.contracts.process.errors import StreetloopError
    from pipelines.cluster.check import check

    marks = {"ok": "ok", "failed": "FAILED", "unknown": "?"}
    failed = []
    for found in check(chosen.recipe(), chosen.root):
        click.echo(f"{marks[found.state]:<7} {found.what}: {found.words}")
        if found.state == "failed":
            failed.append(found.what)
    if failed:
        raise StreetloopError(f"{len(failed)} of the checks failed: {', '.join(failed)}.")
