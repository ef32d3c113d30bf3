"""A cycle of the compiled pipeline in containers: through kfp.local, and as the commands of its pods."""

from __future__ import annotations

import json
import os
import shlex
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from components.contracts.recipe.recipe import Recipe
from components.contracts.step.plan import Plan
from pipelines.cluster.compile import compile_pipeline
from pipelines.cycle import cluster_cycle
from tests.support.compiled import executors

DOCKER = shlex.split(os.environ.get("DOCKER", "docker"))
MOUNT = "/campaigns"  # `cluster.mount`
# What a strict cluster grants a pod: a user above 0, nothing to write to but /tmp and the volume.
STRICT = [
    *("--user", "10001:0", "--cap-drop", "ALL", "--security-opt", "no-new-privileges"),
    *("--read-only", "--tmpfs", "/tmp", "--network", "none"),
]
# The parameters into which the outputs of the tasks go, in the order in which the tasks run.
_BEFORE = {"open-cycle": "cycle", "preprocess": "records", "feedback": "plan"}
_TRAINING = {"split": "parts", "train": "model", "evaluate": "promoted", "query": "asked"}


def image_name() -> str:
    """Return the image that `make test-containers` has built."""
    name = os.environ.get("STREETLOOP_IMAGE")
    assert name, "STREETLOOP_IMAGE is not set. Run `make test-containers`."
    return name


def docker(*arguments: str, fed: str | None = None) -> str:
    """Run docker; return what it prints."""
    done = subprocess.run([*DOCKER, *arguments], input=fed, capture_output=True, text=True)
    assert done.returncode == 0, f"docker {' '.join(arguments[:2])}: {done.stdout}\n{done.stderr}"
    return done.stdout


def volume(folder: Path) -> Path:
    """Make a folder that belongs to the user of the image, as a volume does after its preparation."""
    folder.mkdir()
    os.chown(folder, 10001, 0)
    return folder


def run_by_kfp(recipe: Recipe, root: str, campaigns: Path, outputs: Path) -> None:
    """Run one cycle with kfp.local's DockerRunner, as the image's own user and without a network.

    Args:
      recipe: names the image.
      root: the campaign root in the containers.
      campaigns: the folder of this machine that is mounted there.
      outputs: a folder that the image's user may write to.
    """
    from docker.types import Mount
    from kfp import local

    local.init(
        local.DockerRunner(network_mode="none", mounts=[Mount(MOUNT, str(campaigns), type="bind")]),
        pipeline_root=str(outputs),  # DockerRunner mounts it
        raise_on_error=True,
    )
    # Not the cluster's customizer: it asks for processors, volumes and retries, which are not here.
    pipeline = cluster_cycle(lambda task, step: task.set_container_image(recipe.cluster.image))
    pipeline(recipe=recipe.resolved(), root=root)


@dataclass(frozen=True)
class Pods:
    """The tasks of a compiled pipeline, each as `docker run` of its container's command.

    It takes the place of Kubeflow's driver and launcher: it hands the inputs over and reads the outputs.
    """

    spec: dict[str, Any]
    campaigns: Path
    outputs: Path

    @classmethod
    def compiled(cls, recipe: Recipe, root: str, campaigns: Path, folder: Path) -> Pods:
        compile_pipeline(recipe, root, folder / "pipeline.yaml")
        spec = next(yaml.safe_load_all((folder / "pipeline.yaml").read_text()))
        return cls(spec, campaigns, volume(folder / "outputs"))

    def run(self, recipe: Recipe, root: str, owner: str) -> None:
        """Run one cycle that trains."""
        values: dict[str, Any] = {"recipe": recipe.resolved(), "root": root, "owner": owner}
        values |= {"take_over": False, "status": {"state": "SUCCEEDED", "error": {}}}
        for task, name in _BEFORE.items():
            self._run(task, name, values)
        assert values["plan"] == Plan.TRAIN.value
        for task, name in _TRAINING.items():
            self._run(task, name, values)
        self._run("close-cycle", "", values)

    def _run(self, task: str, name: str, values: dict[str, Any]) -> None:
        """Run a task; its outputs become values, the unnamed one under `name`."""
        container = executors(self.spec)[task]
        component = self.spec["components"][f"comp-{task}"]
        given = component.get("inputDefinitions", {}).get("parameters", {})
        returned = component.get("outputDefinitions", {})
        report = f"{task}.json"
        wanted = {
            "inputs": {"parameterValues": {key: values[key] for key in given}},
            "outputs": {
                "outputFile": f"/outputs/{report}",
                "parameters": {
                    key: {"outputFile": f"/outputs/{task}/{key}"}
                    for key in returned.get("parameters", {})
                },
                "artifacts": {
                    key: {"artifacts": [{"name": key, "type": row["artifactType"],
                                         "uri": f"/outputs/{task}-{key}", "metadata": {}}]}
                    for key, row in returned.get("artifacts", {}).items()
                },
            },
        }  # fmt: skip
        arguments = [json.dumps(wanted) if a == "{{$}}" else a for a in container["args"]]
        variables = [f"{row['name']}={row['value']}" for row in container.get("env", [])]
        docker(
            *("run", "--rm", *STRICT),
            *("-v", f"{self.campaigns}:{MOUNT}", "-v", f"{self.outputs}:/outputs"),
            *(word for variable in variables for word in ("-e", variable)),
            *(container["image"], *container["command"], *arguments),
        )
        found = json.loads((self.outputs / report).read_text()).get("parameterValues", {})
        values.update({name if key == "Output" else key: value for key, value in found.items()})
