"""Start one cycle on a Kubeflow Pipelines cluster."""

from __future__ import annotations

from pathlib import Path

from components.contracts.kubeflow.client import Started, connected
from components.contracts.recipe.recipe import Recipe
from pipelines.cluster.compile import compiled_run
from pipelines.cluster.places import campaign_root, mlflow_in_pods
from pipelines.cluster.runs import run_name, run_page


def submit(recipe: Recipe, root: str | None) -> Started:
    """Start one cycle.

    Raises:
      UsageError: as `compile_pipeline`, or the recipe leaves out what a run needs.
      StreetloopError: the endpoint cannot be reached, or rejects the run.
    """
    with compiled_run(recipe, root) as package, connected(recipe.cluster) as (client, url):
        run = client.create_run_from_pipeline_package(
            str(package),
            run_name=run_name(recipe),
            experiment_name=recipe.cluster.experiment,
            namespace=recipe.cluster.namespace,
            service_account=recipe.cluster.service_account,
            enable_caching=False,
        )
    return Started(run.run_id, run_page(url, run.run_id))


def describe_submission(recipe: Recipe, root: str | None) -> str:
    """Return what `submit` would send: the run as YAML comments, then the compiled pipeline.

    Nothing is contacted.

    Raises:
      UsageError: as `submit`.
    """
    cluster = recipe.cluster
    place = campaign_root(recipe, root)
    rows = {
        "endpoint": cluster.host or "what kfp finds",
        "namespace": cluster.namespace,
        "experiment": cluster.experiment,
        "run": run_name(recipe),
        "service account": cluster.service_account or "the namespace's default",
        "image": cluster.image,
        "root": place,
        "data": recipe.data.source or "synthetic",
        "tracking": mlflow_in_pods(recipe, place) or "in a file of each pod, lost with it",
    }
    with compiled_run(recipe, root) as package:
        head = "".join(f"# {key}: {value}\n" for key, value in rows.items())
        return head + Path(package).read_text()
