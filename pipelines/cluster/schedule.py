"""Schedules on a Kubeflow Pipelines cluster: at most one per campaign, one cycle at a time."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from components.contracts.process.errors import StreetloopError, UsageError
from components.contracts.recipe.recipe import Recipe
from pipelines.cluster.client import Started, connected
from pipelines.cluster.compile import compiled_run
from pipelines.cluster.runs import campaign_name, find_pipeline, pages


@dataclass(frozen=True)
class Schedule:
    """A recurring run of Kubeflow Pipelines: each time that `cron` names starts one cycle."""

    id: str
    name: str
    cron: str
    enabled: bool


def schedule(recipe: Recipe, root: str | None, cron: str) -> Started:
    """Start one cycle at each scheduled time; never two at once, and missed ones are not made up for.

    Args:
      recipe: the campaign's recipe.
      root: as for `compile_pipeline`.
      cron: six fields: second minute hour day month weekday, as "0 0 2 * * *" (every night at 2).

    Raises:
      UsageError: as `submit`, or `cron` does not have six fields.
      StreetloopError: the campaign already has a schedule, or the endpoint cannot be reached.
    """
    check_cron(cron)
    with compiled_run(recipe, root) as package, connected(recipe.cluster) as (client, url):
        experiment = _experiment(recipe, client)
        if any(row.name == campaign_name(recipe) for row in _schedules(client, experiment)):
            raise StreetloopError(
                f"Campaign {recipe.name} already has a schedule, and two would compete for its cycles. "
                "Delete it with `streetloop unschedule` first."
            )
        pipeline, version = _upload(recipe, client, package)
        run = client.create_recurring_run(
            experiment_id=experiment,
            job_name=campaign_name(recipe),
            cron_expression=cron,
            max_concurrency=1,
            no_catchup=True,
            pipeline_id=pipeline,
            version_id=version,
            enable_caching=False,
            service_account=recipe.cluster.service_account,
        )
    return Started(run.recurring_run_id, f"{url}/#/recurringrun/details/{run.recurring_run_id}")


def list_schedules(recipe: Recipe) -> list[Schedule]:
    """Return the schedules in the recipe's experiment, by name."""
    with connected(recipe.cluster) as (client, _):
        return sorted(_schedules(client, _experiment(recipe, client)), key=lambda s: s.name)


def delete_schedule(recipe: Recipe) -> list[Schedule]:
    """Delete the schedule of the recipe's campaign; a run that has started continues.

    Raises:
      StreetloopError: the campaign has no schedule, or the endpoint cannot be reached.
    """
    with connected(recipe.cluster) as (client, _):
        rows = _schedules(client, _experiment(recipe, client))
        ours = [row for row in rows if row.name == campaign_name(recipe)]
        if not ours:
            raise StreetloopError(
                f"Campaign {recipe.name} has no schedule among the {len(rows)} in experiment "
                f"{recipe.cluster.experiment}. `streetloop schedules` lists them."
            )
        for row in ours:
            client.delete_recurring_run(row.id)
    return ours


def check_cron(cron: str) -> None:
    """Raise UsageError unless `cron` has the six fields that Kubeflow Pipelines expects."""
    fields = cron.split()
    if len(fields) != 6 or not all(re.fullmatch(r"[0-9A-Za-z*/,?-]+", field) for field in fields):
        raise UsageError(
            f"Not six cron fields: {cron!r}. Expected second minute hour day month weekday, for "
            "example '0 0 2 * * *' for every night at 2."
        )


def _experiment(recipe: Recipe, client: Any) -> str:
    cluster = recipe.cluster
    return str(
        client.create_experiment(cluster.experiment, namespace=cluster.namespace).experiment_id
    )


def _schedules(client: Any, experiment: str) -> list[Schedule]:
    rows: list[Schedule] = []
    for page in pages(
        lambda token: client.list_recurring_runs(
            page_token=token, page_size=100, experiment_id=experiment
        )
    ):
        for run in page.recurring_runs or []:
            trigger = run.trigger and run.trigger.cron_schedule
            cron = trigger.cron if trigger else "not a cron schedule"
            enabled = run.status == "ENABLED"
            rows.append(Schedule(run.recurring_run_id, run.display_name, cron, enabled))
    return rows


def _upload(recipe: Recipe, client: Any, package: Path) -> tuple[str, str]:
    """Return the ids of the pipeline and of the version that holds this package; upload if needed."""
    name = campaign_name(recipe)
    version = f"{name}-{hashlib.sha256(package.read_bytes()).hexdigest()[:12]}"
    pipeline = find_pipeline(recipe, client)
    if pipeline is None:
        pipeline = client.upload_pipeline(
            str(package), pipeline_name=name, namespace=recipe.cluster.namespace
        ).pipeline_id
    for page in pages(
        lambda token: client.list_pipeline_versions(pipeline, page_token=token, page_size=100)
    ):
        for known in page.pipeline_versions or []:
            if known.display_name == version:
                return pipeline, known.pipeline_version_id
    made = client.upload_pipeline_version(str(package), version, pipeline_id=pipeline)
    return pipeline, made.pipeline_version_id
