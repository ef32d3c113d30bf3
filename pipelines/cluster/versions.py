"""The campaign's pipeline on the server, with a version per content."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any, NamedTuple

from components.contracts.recipe.recipe import Recipe
from pipelines.cluster.runs import campaign_name, pages


class Version(NamedTuple):
    """An uploaded version of a pipeline."""

    pipeline: str
    id: str


def find_version(
    recipe: Recipe, client: Any, package: Path, pipeline: str | None
) -> Version | None:
    """Return the version of a pipeline that holds this package; None if it was never uploaded."""
    return None if pipeline is None else _find(client, pipeline, _name(recipe, package))


def upload_version(recipe: Recipe, client: Any, package: Path, pipeline: str | None) -> Version:
    """Upload a package that has no version yet.

    Args:
      recipe: the campaign's; a new pipeline belongs to its namespace.
      client: kfp's.
      package: the compiled pipeline.
      pipeline: the campaign's, if it has one.
    """
    if pipeline is None:
        # Private to the namespace: a cluster of several users may forbid shared ones.
        pipeline = client.upload_pipeline(
            str(package), pipeline_name=campaign_name(recipe), namespace=recipe.cluster.namespace
        ).pipeline_id
    made = client.upload_pipeline_version(
        str(package), _name(recipe, package), pipeline_id=pipeline
    )
    return Version(pipeline, made.pipeline_version_id)


def _name(recipe: Recipe, package: Path) -> str:
    return f"{campaign_name(recipe)}-{hashlib.sha256(package.read_bytes()).hexdigest()[:12]}"


def _find(client: Any, pipeline: str, name: str) -> Version | None:
    for page in pages(
        lambda token: client.list_pipeline_versions(pipeline, page_token=token, page_size=100)
    ):
        for known in page.pipeline_versions or []:
            if known.display_name == name:
                return Version(pipeline, known.pipeline_version_id)
    return None
