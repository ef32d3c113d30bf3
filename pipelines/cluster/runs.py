"""The runs of a campaign on the cluster."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from components.contracts.kubeflow.client import connected
from components.contracts.recipe.recipe import Recipe


@dataclass(frozen=True)
class RunRow:
    """A run: when it began, how it is, and the address of its page."""

    id: str
    name: str
    state: str
    created: str
    url: str
    scheduled: bool


def list_runs(recipe: Recipe, limit: int) -> list[RunRow]:
    """Return the newest runs of the campaign, the newest first."""
    with connected(recipe.cluster) as (client, url):
        return campaign_runs(recipe, client, url, limit)


def campaign_runs(recipe: Recipe, client: Any, url: str = "", limit: int = 20) -> list[RunRow]:
    """Return what `list_runs` does, from a client."""
    experiment = find_experiment(recipe, client)
    if experiment is None:
        return []
    pipeline = find_pipeline(recipe, client)
    rows: list[RunRow] = []
    for page in pages(
        lambda token: client.list_runs(
            page_token=token,
            page_size=100,
            sort_by="created_at desc",
            experiment_id=experiment,
            namespace=recipe.cluster.namespace,
        )
    ):
        for run in page.runs or []:
            if _is_ours(recipe, run, pipeline):
                rows.append(_row(run, url))
                if len(rows) == limit:
                    return rows
    return rows


def _is_ours(recipe: Recipe, run: Any, pipeline: str | None) -> bool:
    """Whether a run belongs to the campaign: by its name, or because it runs the campaign's pipeline.

    An experiment may hold several campaigns. `submit` names its runs; those of a schedule are named by
    Kubeflow, but refer to the pipeline that `schedule` uploaded.
    """
    reference = run.pipeline_version_reference
    if pipeline is not None and reference is not None and reference.pipeline_id == pipeline:
        return True
    return bool(re.fullmatch(rf"{re.escape(recipe.name)}-\d{{8}}-\d{{6}}", run.display_name or ""))


def _row(run: Any, url: str) -> RunRow:
    created = run.created_at.astimezone(UTC) if run.created_at else None
    return RunRow(
        id=run.run_id,
        name=run.display_name,
        state=run.state or "PENDING",
        created=f"{created:%Y-%m-%d %H:%M} UTC" if created else "",
        url=run_page(url, run.run_id),
        scheduled=bool(run.recurring_run_id),
    )


def run_page(url: str, run_id: str) -> str:
    """Return the address of a run's page."""
    return f"{url}/#/runs/details/{run_id}"


def find_run(client: Any, run_id: str) -> Any:
    """Return a run with its tasks."""
    return client.get_run(run_id)


def run_name(recipe: Recipe) -> str:
    """Return the name of a run that starts now."""
    return f"{recipe.name}-{datetime.now(UTC):%Y%m%d-%H%M%S}"


def campaign_name(recipe: Recipe) -> str:
    """Return the name of the campaign's schedule and of its pipeline.

    Kubeflow allows no `_` in it. `night_rain` must not get the name of another campaign, `night-rain`:
    part of a hash tells them apart.
    """
    name = f"streetloop-{recipe.name}"
    if "_" in name:
        digest = hashlib.sha256(recipe.name.encode()).hexdigest()[:6]
        name = f"{name.replace('_', '-')}-{digest}"
    return name


def find_experiment(recipe: Recipe, client: Any) -> str | None:
    """Return the id of the recipe's experiment in its namespace; None if there is none."""
    cluster = recipe.cluster
    try:
        found = client.get_experiment(
            experiment_name=cluster.experiment, namespace=cluster.namespace
        )
    except ValueError:  # kfp's way to say that there is none
        return None
    return str(found.experiment_id)


def find_pipeline(recipe: Recipe, client: Any) -> str | None:
    """Return the id of the campaign's pipeline in its namespace; None if there is none."""
    name = campaign_name(recipe)
    predicate = {"operation": "EQUALS", "key": "display_name", "stringValue": name}
    # Without a namespace a cluster of several users lists the shared pipelines only.
    page = client.list_pipelines(
        page_size=100,
        filter=json.dumps({"predicates": [predicate]}),
        namespace=recipe.cluster.namespace,
    )
    return str(page.pipelines[0].pipeline_id) if page.pipelines else None


def pages(ask: Callable[[str], Any]) -> Iterator[Any]:
    """Yield every page of a list; `ask` takes the token of a page."""
    token = ""
    while True:
        page = ask(token)
        yield page
        token = page.next_page_token or ""
        if not token:
            return
