"""Schedules on a Kubeflow Pipelines cluster: at most one per campaign, one cycle at a time."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

from components.contracts.kubeflow.client import Started, connected
from components.contracts.process.errors import StreetloopError
from components.contracts.recipe.recipe import Recipe
from pipelines.cluster.compile import compiled_run
from pipelines.cluster.cron import interval_words
from pipelines.cluster.runs import campaign_name, find_experiment, find_pipeline, pages
from pipelines.cluster.versions import Version, find_version, upload_version


@dataclass(frozen=True)
class Trigger:
    """When a schedule starts a cycle: six cron fields, or an interval in seconds."""

    cron: str | None = None
    interval: int | None = None

    def __str__(self) -> str:
        """Return the fields, or the interval in words."""
        if self.cron is not None:
            return self.cron
        return interval_words(self.interval) if self.interval else "no trigger"


@dataclass(frozen=True)
class Schedule:
    """A recurring run of Kubeflow Pipelines: each time that the trigger names starts one cycle."""

    id: str
    name: str
    trigger: Trigger
    enabled: bool
    version: Version | None
    service_account: str | None


@dataclass(frozen=True)
class Created:
    """What `schedule` did, and the schedule that there is now."""

    how: Literal["created", "replaced", "unchanged"]
    started: Started
    enabled: bool = True


def schedule(
    recipe: Recipe, root: str | None, trigger: Trigger, *, replace: bool = False
) -> Created:
    """Start one cycle at each scheduled time; never two at once, and missed ones are not made up for.

    The same call again changes nothing. With `replace` a different schedule of the campaign is
    removed, after the new one was created: a failure in between leaves two, never none, and their
    runs do not disturb each other, since one campaign has one lease.

    Args:
      recipe: the campaign's recipe.
      root: as for `compile_pipeline`.
      trigger: when.
      replace: replace a schedule that differs.

    Raises:
      UsageError: as `submit`.
      StreetloopError: the campaign has a schedule that differs, or the endpoint cannot be reached.
    """
    with compiled_run(recipe, root) as package, connected(recipe.cluster) as (client, url):
        cluster = recipe.cluster
        ours = _ours(recipe, client)
        pipeline = find_pipeline(recipe, client)
        version = find_version(recipe, client, package, pipeline)
        same = [row for row in ours if version and _is_same(row, trigger, version, recipe)]
        rest = [row for row in ours if row not in same[:1]]
        if rest and not replace:
            raise StreetloopError(_differs(recipe, rest[0], trigger))
        if same:
            kept, how = same[0].id, "replaced" if rest else "unchanged"
        else:
            made = client.create_recurring_run(
                experiment_id=client.create_experiment(
                    cluster.experiment, namespace=cluster.namespace
                ).experiment_id,
                job_name=campaign_name(recipe),
                cron_expression=trigger.cron,
                interval_second=trigger.interval,
                max_concurrency=1,
                no_catchup=True,
                **_reference(version or upload_version(recipe, client, package, pipeline)),
                enable_caching=False,
                service_account=cluster.service_account,
            )
            kept, how = made.recurring_run_id, "replaced" if rest else "created"
        for row in rest:
            client.delete_recurring_run(row.id)
        started = Started(kept, f"{url}/#/recurringrun/details/{kept}")
        enabled = same[0].enabled if same else True
    return Created(how, started, enabled)  # type: ignore[arg-type]


def _reference(version: Version) -> dict[str, str]:
    return {"pipeline_id": version.pipeline, "version_id": version.id}


def _is_same(row: Schedule, trigger: Trigger, version: Version, recipe: Recipe) -> bool:
    # Without an account of ours the server names its default one.
    account = recipe.cluster.service_account
    return (
        row.trigger == trigger and row.version == version and account in (None, row.service_account)
    )


def _differs(recipe: Recipe, row: Schedule, trigger: Trigger) -> str:
    what = "another recipe, root or service account"
    if row.trigger != trigger:
        what = f"other times ({row.trigger})"
    return (
        f"Campaign {recipe.name} already has a schedule with {what}, {row.id}. Give --replace to change "
        "it, or delete it with `streetloop schedule delete` (`streetloop unschedule`)."
    )


def list_schedules(recipe: Recipe) -> list[Schedule]:
    """Return the schedules in the recipe's experiment, by name."""
    with connected(recipe.cluster) as (client, _):
        return sorted(_schedules(recipe, client), key=lambda s: s.name)


def delete_schedule(recipe: Recipe) -> list[Schedule]:
    """Delete the schedule of the recipe's campaign; a run that has started continues.

    Raises:
      StreetloopError: the campaign has no schedule, or the endpoint cannot be reached.
    """
    return _change(recipe, lambda client, row: client.delete_recurring_run(row.id))


def pause_schedule(recipe: Recipe) -> list[Schedule]:
    """Let the campaign's schedule start nothing until it is resumed. Raises as `delete_schedule`."""
    return _change(recipe, lambda client, row: client.disable_recurring_run(row.id))


def resume_schedule(recipe: Recipe) -> list[Schedule]:
    """Let the campaign's schedule start runs again. Raises as `delete_schedule`."""
    return _change(recipe, lambda client, row: client.enable_recurring_run(row.id))


def _change(recipe: Recipe, change: Callable[[Any, Schedule], Any]) -> list[Schedule]:
    with connected(recipe.cluster) as (client, _):
        ours = _ours(recipe, client)
        if not ours:
            raise StreetloopError(
                f"Campaign {recipe.name} has no schedule in experiment {recipe.cluster.experiment} of "
                f"namespace {recipe.cluster.namespace}. `streetloop schedules` lists those there are."
            )
        for row in ours:
            change(client, row)
    return ours


def _ours(recipe: Recipe, client: Any) -> list[Schedule]:
    return [row for row in _schedules(recipe, client) if row.name == campaign_name(recipe)]


def _schedules(recipe: Recipe, client: Any) -> list[Schedule]:
    experiment = find_experiment(recipe, client)
    if experiment is None:
        return []
    rows: list[Schedule] = []
    for page in pages(
        lambda token: client.list_recurring_runs(
            page_token=token,
            page_size=100,
            experiment_id=experiment,
            namespace=recipe.cluster.namespace,
        )
    ):
        rows += [_read(run) for run in page.recurring_runs or []]
    return rows


def _read(run: Any) -> Schedule:
    cron = run.trigger and run.trigger.cron_schedule
    every = run.trigger and run.trigger.periodic_schedule
    used = run.pipeline_version_reference
    return Schedule(
        id=run.recurring_run_id,
        name=run.display_name,
        trigger=Trigger(cron.cron if cron else None, int(every.interval_second) if every else None),
        enabled=run.status == "ENABLED",
        version=Version(used.pipeline_id, used.pipeline_version_id) if used else None,
        service_account=run.service_account,
    )
