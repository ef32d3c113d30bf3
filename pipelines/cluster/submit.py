"""Start one cycle on a Kubeflow Pipelines cluster."""

from __future__ import annotations

from datetime import UTC, datetime

from components.contracts.recipe.recipe import Recipe
from pipelines.cluster.client import Started, connected
from pipelines.cluster.compile import compiled_run


def submit(recipe: Recipe, root: str | None) -> Started:
    """Start one cycle.

    Raises:
      UsageError: as `compile_pipeline`, or the recipe leaves out what a run needs.
      StreetloopError: the endpoint cannot be reached, or rejects the run.
    """
    with compiled_run(recipe, root) as package, connected(recipe.cluster) as (client, url):
        run = client.create_run_from_pipeline_package(
            str(package),
            run_name=f"{recipe.name}-{datetime.now(UTC):%Y%m%d-%H%M%S}",
            experiment_name=recipe.cluster.experiment,
            namespace=recipe.cluster.namespace,
            service_account=recipe.cluster.service_account,
            enable_caching=False,
        )
    return Started(run.run_id, f"{url}/#/runs/details/{run.run_id}")
