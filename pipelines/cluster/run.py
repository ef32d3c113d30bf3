"""The cycle on a Kubeflow Pipelines cluster: compile, submit, schedule, list."""

from __future__ import annotations

import hashlib
import re
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

from components.contracts.process.errors import StreetloopError, UsageError
from components.contracts.recipe.recipe import Recipe
from pipelines.cluster.client import connected
from pipelines.cluster.places import campaign_root, check_places


class Submitted(NamedTuple):
    """A run or a schedule, and its page."""

    id: str
    url: str


class Schedule(NamedTuple):
    """A recurring run: one cycle per firing."""

    id: str
    name: str
    cron: str
    enabled: bool


def compile_pipeline(recipe: Recipe, root: str | None, output: Path) -> None:
    """Writes the pipeline of one cycle, with the recipe's cluster settings in it.

    Args:
      recipe: becomes the default of the pipeline's parameter `recipe`.
      root: the campaign root, the default of the parameter `root`. None: the folder of the
        campaign's name on `cluster.volume`; without a volume the parameter has no default, and
        whoever starts a run has to give it.
      output: a .yaml file.

    Raises:
      UsageError: the root, the data or the MLflow store is a path of this machine; the lease is
        shorter than the training may take; or `output` is no YAML file.
    """
    from kfp import compiler

    from pipelines.cluster.tasks import customizer
    from pipelines.cycle import cluster_cycle

    if output.suffix not in (".yaml", ".yml"):
        raise UsageError(f"Expected --output to end in .yaml; got {output}.")
    check_places(recipe)
    timeout, lease = recipe.cluster.train_timeout_minutes, recipe.cycle.lease_minutes
    if lease <= timeout:
        raise UsageError(
            f"Expected cycle.lease_minutes above cluster.train_timeout_minutes ({timeout}); got "
            f"{lease:g}: another run could take the cycle over while this one trains."
        )
    parameters = {"recipe": recipe.resolved(), "root": campaign_root(recipe, root)}
    output.parent.mkdir(parents=True, exist_ok=True)
    compiler.Compiler().compile(
        cluster_cycle(customizer(recipe)),
        str(output),
        pipeline_parameters={k: v for k, v in parameters.items() if v is not None},
    )


def submit(recipe: Recipe, root: str | None) -> Submitted:
    """Starts one cycle on the cluster.

    Raises:
      UsageError: as `compile_pipeline`, or the recipe leaves out what a run needs.
      StreetloopError: the endpoint cannot be reached, or refuses.
    """
    with _compiled(recipe, root) as package, connected(recipe.cluster) as (client, url):
        started = client.create_run_from_pipeline_package(
            str(package),
            run_name=f"{recipe.name}-{datetime.now(UTC):%Y%m%d-%H%M%S}",
            experiment_name=recipe.cluster.experiment,
            namespace=recipe.cluster.namespace,
            service_account=recipe.cluster.service_account,
            enable_caching=False,
        )
    return Submitted(started.run_id, f"{url}/#/runs/details/{started.run_id}")


def schedule(recipe: Recipe, root: str | None, cron: str) -> Submitted:
    """Starts one cycle at every firing of a schedule, never two at once, none of them made up for.

    Args:
      recipe: the campaign's recipe.
      root: as for `compile_pipeline`.
      cron: six fields: second minute hour day month weekday, as "0 0 2 * * *" (every night at 2).

    Raises:
      UsageError: as `submit`, or `cron` has other than six fields.
      StreetloopError: the campaign has a schedule, or the endpoint cannot be reached.
    """
    check_cron(cron)
    with _compiled(recipe, root) as package, connected(recipe.cluster) as (client, url):
        experiment = _experiment(recipe, client)
        if any(row.name == _name(recipe) for row in _schedules(recipe, client, experiment)):
            raise StreetloopError(
                f"Expected no schedule of campaign {recipe.name} yet; there is one. Two would "
                "fight for its cycles: end it with `streetloop unschedule` first."
            )
        pipeline, version = _upload(recipe, client, package)
        made = client.create_recurring_run(
            experiment_id=experiment,
            job_name=_name(recipe),
            cron_expression=cron,
            max_concurrency=1,
            no_catchup=True,
            pipeline_id=pipeline,
            version_id=version,
            enable_caching=False,
            service_account=recipe.cluster.service_account,
        )
    return Submitted(made.recurring_run_id, f"{url}/#/recurringrun/details/{made.recurring_run_id}")


def list_schedules(recipe: Recipe) -> list[Schedule]:
    """The schedules in the recipe's experiment, by name."""
    with connected(recipe.cluster) as (client, _):
        return sorted(_schedules(recipe, client, _experiment(recipe, client)), key=lambda s: s.name)


def delete_schedule(recipe: Recipe) -> list[Schedule]:
    """Ends the schedule of the recipe's campaign; a run that has begun goes on.

    Raises:
      StreetloopError: the campaign has none, or the endpoint cannot be reached.
    """
    with connected(recipe.cluster) as (client, _):
        found = _schedules(recipe, client, _experiment(recipe, client))
        ours = [row for row in found if row.name == _name(recipe)]
        if not ours:
            raise StreetloopError(
                f"Expected a schedule of campaign {recipe.name} in experiment "
                f"{recipe.cluster.experiment}; there is none (of {len(found)}). "
                "`streetloop schedules` lists them."
            )
        for row in ours:
            client.delete_recurring_run(row.id)
    return ours


def check_cron(cron: str) -> None:
    """Raises UsageError unless `cron` has the six fields that Kubeflow Pipelines expects."""
    fields = cron.split()
    if len(fields) != 6 or not all(re.fullmatch(r"[0-9A-Za-z*/,?-]+", field) for field in fields):
        raise UsageError(
            "Expected six cron fields: second minute hour day month weekday, as '0 0 2 * * *' for "
            f"every night at 2; got {len(fields)} in {cron!r}."
        )


def _name(recipe: Recipe) -> str:
    return f"streetloop-{recipe.name}".replace("_", "-")


@contextmanager
def _compiled(recipe: Recipe, root: str | None) -> Iterator[Path]:
    """The compiled pipeline of a run that has all it needs."""
    needed = {
        "cluster.image (what `make images` built and you pushed)": recipe.cluster.image,
        "--root gs://bucket/prefix, or cluster.volume": campaign_root(recipe, root),
        "--data gs://bucket/prefix, or data.synthetic": recipe.data.source or recipe.data.synthetic,
    }
    missing = [what for what, value in needed.items() if value is None]
    if missing:
        raise UsageError(f"Expected a run on the cluster to have {'; '.join(missing)}; got none.")
    with tempfile.TemporaryDirectory(prefix="streetloop-") as folder:
        package = Path(folder) / "pipeline.yaml"
        compile_pipeline(recipe, root, package)
        yield package


def _experiment(recipe: Recipe, client: Any) -> str:
    cluster = recipe.cluster
    return client.create_experiment(cluster.experiment, namespace=cluster.namespace).experiment_id


def _schedules(recipe: Recipe, client: Any, experiment: str) -> list[Schedule]:
    rows: list[Schedule] = []
    token = ""
    while True:
        page = client.list_recurring_runs(page_token=token, page_size=100, experiment_id=experiment)
        for run in page.recurring_runs or []:
            trigger = run.trigger and run.trigger.cron_schedule
            cron = trigger.cron if trigger else "not a cron schedule"
            rows.append(
                Schedule(run.recurring_run_id, run.display_name, cron, run.status == "ENABLED")
            )
        token = page.next_page_token or ""
        if not token:
            return rows


def _upload(recipe: Recipe, client: Any, package: Path) -> tuple[str, str]:
    """The ids of the uploaded pipeline and of the version that holds this package."""
    name = _name(recipe)
    version = f"{name}-{hashlib.sha256(package.read_bytes()).hexdigest()[:12]}"
    pipeline = client.get_pipeline_id(name)
    if pipeline is None:
        pipeline = client.upload_pipeline(str(package), pipeline_name=name).pipeline_id
    token = ""
    while True:
        page = client.list_pipeline_versions(pipeline, page_token=token, page_size=100)
        for known in page.pipeline_versions or []:
            if known.display_name == version:
                return pipeline, known.pipeline_version_id
        token = page.next_page_token or ""
        if not token:
            break
    made = client.upload_pipeline_version(str(package), version, pipeline_id=pipeline)
    return pipeline, made.pipeline_version_id
