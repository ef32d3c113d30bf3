"""Compile the cycle for a Kubeflow Pipelines cluster."""

from __future__ import annotations

import math
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import click

from components.contracts.process.errors import UsageError
from components.contracts.recipe.recipe import Recipe
from pipelines.cluster.places import (
    campaign_root,
    check_places,
    mlflow_in_pods,
    why_mlflow_is_lost,
)


def compile_pipeline(recipe: Recipe, root: str | None, output: Path) -> None:
    """Write the pipeline of one cycle, with the recipe's cluster settings in it.

    Args:
      recipe: becomes the default of the pipeline's parameter `recipe`.
      root: the campaign root, the default of the parameter `root`. None: the folder of the
        campaign's name on `cluster.volume`; without a volume the parameter has no default, and
        whoever starts a run has to give it.
      output: a .yaml file.

    Raises:
      UsageError: the root, the data or the MLflow store is a path of this machine; the lease is
        shorter than the attempts of a step may take; `cluster.patch` has an unknown field; or
        `output` is not a YAML file.
    """
    from kfp import compiler

    from pipelines.cluster.tasks import customizer
    from pipelines.cycle import cluster_cycle

    if output.suffix not in (".yaml", ".yml"):
        raise UsageError(f"--output does not end in .yaml: {output}.")
    place = campaign_root(recipe, root)
    check_places(recipe)
    if not mlflow_in_pods(recipe, place):
        # Not an error: whoever starts the run may give the pods a store.
        click.echo(f"streetloop: {why_mlflow_is_lost(place)}", err=True)
    _check_lease(recipe)
    parameters = {"recipe": recipe.resolved(), "root": place}
    output.parent.mkdir(parents=True, exist_ok=True)
    compiler.Compiler().compile(
        cluster_cycle(
            customizer(recipe),
            recipe.cluster.keep_seconds,
            fuse=recipe.cluster.fuse_light_steps,
            shards=recipe.cluster.shards,
        ),
        str(output),
        pipeline_parameters={k: v for k, v in parameters.items() if v is not None},
    )


def _check_lease(recipe: Recipe) -> None:
    longest = recipe.cluster.longest_step_seconds
    if recipe.lease_seconds < longest:
        raise UsageError(
            f"cycle.lease_minutes is too short: {recipe.lease_seconds / 60:g}. Another run could take "
            "the cycle over while a step of this one is tried again. Leave it out, or make it at least "
            f"{math.ceil(longest / 60)}: (cluster.retries + 1) x the longest timeout "
            "(cluster.train_timeout_minutes, cluster.timeout_minutes), and the waits between."
        )


@contextmanager
def compiled_run(recipe: Recipe, root: str | None) -> Iterator[Path]:
    """Yield the compiled pipeline, in a temporary file, of a run that can start as it is.

    Raises:
      UsageError: as `compile_pipeline`, or the recipe leaves out what a run needs.
    """
    needed = {
        "cluster.image (built with `make images` and pushed)": recipe.cluster.image,
        "--root gs://bucket/prefix or s3://bucket/prefix, or cluster.volume": campaign_root(
            recipe, root
        ),
        "--data gs://bucket/prefix or s3://bucket/prefix, or data.synthetic": recipe.data.source
        or recipe.data.synthetic,
    }
    missing = [what for what, value in needed.items() if value is None]
    if missing:
        raise UsageError(f"A run on the cluster also needs {'; '.join(missing)}.")
    with tempfile.TemporaryDirectory(prefix="streetloop-") as folder:
        package = Path(folder) / "pipeline.yaml"
        compile_pipeline(recipe, root, package)
        yield package
