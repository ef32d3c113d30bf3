"""A compiled pipeline, as data."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import yaml

from components.contracts.recipe.recipe import Recipe, load
from pipelines.cluster.compile import compile_pipeline
from tests.support.places import RECIPES

ROOT = "gs://bucket/campaigns/one"
MLFLOW = "tracking.uri=http://mlflow.mlflow.svc:5000"


def recipe(*changes: str) -> Recipe:
    return load(RECIPES / "smoke.yaml", (MLFLOW, *changes))


def compiled(folder: Path, *changes: str, root: str | None = ROOT) -> tuple[Any, Any, str]:
    """The pipeline's specification, its Kubernetes part, and the text of both."""
    path = folder / "pipeline.yaml"
    compile_pipeline(recipe(*changes), root, path)
    spec, *platform = yaml.load_all(path.read_text(), yaml.CSafeLoader)
    return spec, platform[0] if platform else {}, path.read_text()


def executors(spec: Any) -> dict[str, Any]:
    found = spec["deploymentSpec"]["executors"]
    return {name.removeprefix("exec-"): row["container"] for name, row in found.items()}


def kubernetes(platform: Any) -> dict[str, Any]:
    found = platform["platforms"]["kubernetes"]["deploymentSpec"]["executors"]
    return {name.removeprefix("exec-"): row for name, row in found.items()}


def tasks(spec: Any) -> Iterator[tuple[str, Any]]:
    """Every task that runs a container."""
    for dag in (spec["root"], *spec["components"].values()):
        for name, task in dag.get("dag", {}).get("tasks", {}).items():
            component = spec["components"][task["componentRef"]["name"]]
            if "executorLabel" in component:
                yield name, task


def pods(spec: Any, **outputs: int) -> list[str]:
    """The tasks whose containers a run starts, if the tasks that decide return `outputs`.

    Args:
      spec: the pipeline's specification.
      outputs: what a task returns, by its name with _ for -; only those that conditions read.
    """
    given = {f"pipelinechannel--{name.replace('_', '-')}-Output": v for name, v in outputs.items()}
    return sorted(_started(spec, spec["root"], given))


def _started(spec: Any, component: Any, given: dict[str, int]) -> Iterator[str]:
    for name, task in component["dag"]["tasks"].items():
        words = task.get("triggerPolicy", {}).get("condition")
        # KFP's own language for conditions reads as Python does.
        if words and not eval(words, {"inputs": SimpleNamespace(parameter_values=given)}):
            continue
        inner = spec["components"][task["componentRef"]["name"]]
        for _ in json.loads(task.get("parameterIterator", {}).get("items", {}).get("raw", "[0]")):
            yield from [name] if "executorLabel" in inner else _started(spec, inner, given)
