"""The compiled pipeline, as data.

golden/cycle.yaml is the pipeline with every cluster setting used, golden/fused.yaml the one with its light
steps in one pod, and golden/shards.yaml the one that looks at the pool in three. After an intended change rewrite it:
STREETLOOP_UPDATE_GOLDEN=1 .venv/bin/python -m pytest tests/unit/pipelines/cluster/test_compile.py
and review the difference in git.
"""

from __future__ import annotations

import ast
import copy
import json
import os
import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import CliRunner

from components.contracts.process.errors import UsageError
from pipelines.cli import main
from pipelines.cluster.compile import compile_pipeline
from pipelines.cluster.submit import describe_submission
from tests.support.compiled import (
    MLFLOW,
    ROOT,
    compiled,
    executors,
    kubernetes,
    pods,
    recipe,
    tasks,
)
from tests.support.places import RECIPES, REPOSITORY

GOLDEN = Path(__file__).parent / "golden"
EVERYTHING = (
    "cluster.image=registry.example/streetloop:1",
    "cluster.trainer_image=registry.example/streetloop-gpu:1",
    "cluster.gpus=4",
    "cluster.volume=campaigns",
    "cluster.secret=mlflow-account",
    "cluster.memory=32G",
    "tracking.uri=http://mlflow.mlflow.svc.cluster.local:5000",
    "cluster.keep_seconds=86400",
    "cluster.pod.image_pull_policy=IfNotPresent",
    "cluster.pod.image_pull_secrets=[registry-account]",
    "cluster.pod.labels={team: vision}",
    "cluster.pod.annotations={sidecar.istio.io/inject: 'false'}",
    "cluster.pod.node_selector={pool: cpu}",
    "cluster.pod.tolerations=[{key: shared, operator: Exists}]",
    "cluster.pod.env={STREETLOOP_DEBUG: '1'}",
    "cluster.pod.secret_env={LABEL_STUDIO_API_KEY: annotators/token}",
    "cluster.pod.config_env={HTTPS_PROXY: proxy/https}",
    "cluster.pod.scratch=50G",
    "cluster.steps.train={cpu: '12', node_selector: {pool: gpu}}",
    "cluster.steps.train.tolerations=[{key: gpu, value: 'yes', effect: NoSchedule}]",
    "cluster.patch={all: {fieldPathAsEnv: [{name: NODE, fieldPath: spec.nodeName}]}}",
)
HEAVY = {"train", "evaluate", "query", "query-2"}


@pytest.fixture(scope="module")
def everything(tmp_path_factory: pytest.TempPathFactory) -> tuple[Any, Any, str]:
    return compiled(tmp_path_factory.mktemp("all"), *EVERYTHING)


@pytest.fixture(scope="module")
def fused(tmp_path_factory: pytest.TempPathFactory) -> tuple[Any, Any, str]:
    return compiled(tmp_path_factory.mktemp("fused"), "cluster.fuse_light_steps=true")


@pytest.fixture(scope="module")
def shards(tmp_path_factory: pytest.TempPathFactory) -> tuple[Any, Any, str]:
    settings = ("cluster.shards=3", "cluster.gpus=4", "cluster.steps.query={memory: 20G}")
    return compiled(tmp_path_factory.mktemp("shards"), *settings)


def test_the_pipelines_equal_the_golden_copies(
    everything: tuple[Any, Any, str], fused: tuple[Any, Any, str], shards: tuple[Any, Any, str]
) -> None:
    compare(everything, GOLDEN / "cycle.yaml")
    compare(fused, GOLDEN / "fused.yaml")
    compare(shards, GOLDEN / "shards.yaml")


def compare(pipeline: tuple[Any, Any, str], golden: Path) -> None:
    spec, platform, _ = copy.deepcopy(pipeline)
    # The values of smoke.yaml are not part of the DAG.
    spec["root"]["inputDefinitions"]["parameters"]["recipe"]["defaultValue"] = "{}"
    for container in executors(spec).values():
        # The component's source; its formatting is not part of the DAG.
        container["command"][-1] = ast.unparse(ast.parse(container["command"][-1]))
    if os.environ.get("STREETLOOP_UPDATE_GOLDEN"):
        golden.write_text(yaml.safe_dump_all([spec, platform]))
    assert [spec, platform] == list(yaml.safe_load_all(golden.read_text())), (
        "the pipeline has changed; if that is intended, see the top of this file"
    )


def test_kfp_loads_the_pipeline_with_recipe_and_root_as_defaults(tmp_path: Path) -> None:
    from kfp import components

    path = tmp_path / "pipeline.yaml"
    compile_pipeline(recipe(), ROOT, path)
    loaded = components.load_component_from_file(str(path))
    inputs = loaded.component_spec.inputs
    assert set(inputs) == {"recipe", "root"}
    assert inputs["root"].default == ROOT
    assert json.loads(inputs["recipe"].default)["name"] == "smoke"


def test_no_task_is_cached(everything: tuple[Any, Any, str]) -> None:
    found = list(tasks(everything[0]))
    steps = ["open-cycle", "preprocess", "feedback", "split", "train", "evaluate", "query"]
    assert sorted(name for name, _ in found) == sorted([*steps, "query-2", "close-cycle"])
    assert all(not task["cachingOptions"].get("enableCache", False) for _, task in found)


def test_every_run_has_its_own_owner(everything: tuple[Any, Any, str]) -> None:
    """The cluster resolves the placeholder only where it is a task's constant."""
    spec = everything[0]
    owners = [task["inputs"]["parameters"].get("owner") for _, task in tasks(spec)]
    given = [owner for owner in owners if owner is not None]
    assert given == [{"runtimeValue": {"constant": "{{$.pipeline_job_uuid}}"}}] * 2


def test_the_pipeline_contains_no_path_of_this_machine(
    everything: tuple[Any, Any, str], tmp_path: Path
) -> None:
    bare = compiled(tmp_path, root=None)[2]
    here = (str(Path.cwd()), str(Path.home()), str(REPOSITORY), str(tmp_path))
    for text in (everything[2], bare):
        assert not [path for path in here if path != "/" and path in text]


def test_steps_with_the_network_run_in_the_trainer_image(
    everything: tuple[Any, Any, str], tmp_path: Path
) -> None:
    images = {name: row["image"] for name, row in executors(everything[0]).items()}
    assert {
        n for n, image in images.items() if image == "registry.example/streetloop-gpu:1"
    } == HEAVY
    assert set(images.values()) == {
        "registry.example/streetloop:1",
        "registry.example/streetloop-gpu:1",
    }
    same = executors(compiled(tmp_path, "cluster.image=one:1")[0])
    assert {row["image"] for row in same.values()} == {"one:1"}


def test_training_gets_all_gpus_and_scoring_gets_one(everything: tuple[Any, Any, str]) -> None:
    rows = executors(everything[0])
    counts = {
        name: row["resources"].get("accelerator", {}).get("resourceCount")
        for name, row in rows.items()
    }
    assert {n: c for n, c in counts.items() if c} == {
        "train": "4",
        "evaluate": "1",
        "query": "1",
        "query-2": "1",
    }
    assert rows["train"]["resources"]["accelerator"]["resourceType"] == "nvidia.com/gpu"
    assert rows["train"]["resources"]["resourceMemoryLimit"] == "32G"


def test_without_gpus_none_is_requested(tmp_path: Path) -> None:
    assert "accelerator" not in compiled(tmp_path)[2]


def test_volume_and_secret_reach_every_task(everything: tuple[Any, Any, str]) -> None:
    rows = kubernetes(everything[1])
    assert set(rows) == set(executors(everything[0]))
    for row in rows.values():
        assert row["pvcMount"][0]["mountPath"] == "/campaigns"
        assert row["pvcMount"][0]["constant"] == "campaigns"
        assert row["secretAsEnv"][0]["secretName"] == "mlflow-account"
        assert {pair["envVar"] for pair in row["secretAsEnv"][0]["keyToEnv"]} == {
            "MLFLOW_TRACKING_USERNAME",
            "MLFLOW_TRACKING_PASSWORD",
        }
        assert row["securityContext"]["runAsNonRoot"] is True
    uri = {"name": "MLFLOW_TRACKING_URI", "value": "http://mlflow.mlflow.svc.cluster.local:5000"}
    assert all(uri in row["env"] for row in executors(everything[0]).values())


def test_training_has_shared_memory(everything: tuple[Any, Any, str]) -> None:
    row = kubernetes(everything[1])["train"]
    assert row["emptyDirMounts"][0]["mountPath"] == "/dev/shm"
    assert row["emptyDirMounts"][0]["medium"] == "Memory"


def test_every_step_is_tried_again_for_as_long_as_its_attempts_may_take(tmp_path: Path) -> None:
    changes = ("cluster.train_timeout_minutes=90", "cluster.timeout_minutes=30")
    spec, platform, _ = compiled(tmp_path, *changes)
    rows = kubernetes(platform)
    found = {name: task.get("retryPolicy") for name, task in tasks(spec)}
    assert set(found) == set(rows)
    for name, policy in found.items():
        minutes = 90 if name == "train" else 30
        assert int(rows[name]["activeDeadlineSeconds"]) == 60 * minutes
        # Three attempts, one minute and then two between them.
        longest = f"{60 * (3 * minutes + 1 + 2)}s"
        assert policy == {
            "maxRetryCount": 2,
            "backoffDuration": "60s",
            "backoffFactor": 2.0,
            "backoffMaxDuration": longest,
        }


def test_without_retries_no_step_is_tried_again(tmp_path: Path) -> None:
    spec = compiled(tmp_path, "cluster.retries=0")[0]
    assert not [name for name, task in tasks(spec) if "retryPolicy" in task]


@pytest.mark.parametrize(
    ("changes", "minutes"),
    [
        ((), 3 * 720 + 3),
        (("cluster.retries=0",), 1440),  # a day, if the attempts take less
        (("cluster.timeout_minutes=900", "cluster.retries=3"), 4 * 900 + 7),
        (("cycle.lease_minutes=5000",), 5000),
    ],
)
def test_the_lease_covers_all_attempts_of_the_longest_step(
    changes: tuple[str, ...], minutes: int
) -> None:
    assert recipe(*changes).lease_seconds == 60 * minutes


def test_a_local_run_gets_no_cluster_settings(tmp_path: Path) -> None:
    from kfp import compiler

    from pipelines.cycle import cycle

    path = tmp_path / "local.yaml"
    compiler.Compiler().compile(cycle, str(path))
    (spec,) = yaml.safe_load_all(path.read_text())
    assert all("resources" not in row for row in executors(spec).values())
    assert set(spec["root"]["inputDefinitions"]["parameters"]) == {
        "recipe",
        "root",
        "owner",
        "take_over",
    }


@pytest.mark.parametrize(
    ("changes", "root", "expected"),
    [
        ((), None, None),
        (("cluster.volume=v",), None, "/campaigns/smoke"),
        (("cluster.volume=v", "cluster.mount=/data/"), None, "/data/smoke"),
        (("cluster.volume=v",), "/campaigns/other/", "/campaigns/other"),
        ((), "gs://bucket/x/", "gs://bucket/x"),
    ],
)
def test_the_root_is_given_or_on_the_volume_or_required(
    tmp_path: Path, changes: tuple[str, ...], root: str | None, expected: str | None
) -> None:
    spec = compiled(tmp_path, *changes, root=root)[0]
    assert spec["root"]["inputDefinitions"]["parameters"]["root"].get("defaultValue") == expected


@pytest.mark.parametrize(
    ("changes", "root", "words"),
    [
        ((), "runs/one", "--root.*runs/one.*gs://"),
        ((), "/campaigns/one", "--root.*set cluster.volume"),
        (("cluster.volume=v",), "/elsewhere/one", "--root.*below cluster.mount"),
        (("cluster.volume=v",), "/campaigns/../one", "--root.*below cluster.mount"),
        (("data.synthetic=null", "data.source=/home/me/data"), ROOT, "data.source.*/home/me/data"),
        (("tracking.uri=sqlite:////home/me/m.db",), ROOT, "tracking.uri.*/home/me/m.db"),
        (("tracking.uri=file:///home/me/m",), ROOT, "tracking.uri.*/home/me/m"),
        (("cycle.lease_minutes=60",), ROOT, "cycle.lease_minutes is too short: 60.*at least 2163"),
    ],
)
def test_compile_rejects_places_that_pods_cannot_reach(
    tmp_path: Path, changes: tuple[str, ...], root: str, words: str
) -> None:
    with pytest.raises(UsageError, match=words):
        compile_pipeline(recipe(*changes), root, tmp_path / "pipeline.yaml")


@pytest.mark.parametrize(
    ("changes", "root"),
    [
        ((), ROOT),
        (("cluster.volume=v",), ROOT),
        (("cluster.volume=v",), "/campaigns"),  # its folder mlflow would be beside the volume
        (("cluster.secret=mlflow-account",), ROOT),
        (("cluster.pod.env={MLFLOW_TRACKING_USERNAME: me}",), ROOT),
    ],
)
def test_compile_warns_of_a_store_that_each_pod_has_for_itself(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], changes: tuple[str, ...], root: str
) -> None:
    path = tmp_path / "pipeline.yaml"
    compile_pipeline(recipe("tracking.uri=null", *changes), root, path)
    assert path.exists()
    (warning,) = capsys.readouterr().err.splitlines()
    assert re.search(f"tracking.uri is not set.*{root}.*lost with it.*cluster.pod.env", warning)


@pytest.mark.parametrize(
    ("changes", "root", "words"),
    [
        ((MLFLOW,), ROOT, "http://mlflow.mlflow.svc:5000"),
        (("cluster.pod.env={MLFLOW_TRACKING_URI: http://m:5000}",), ROOT, "of the pods"),
        (("cluster.pod.secret_env={MLFLOW_TRACKING_URI: mlflow/uri}",), ROOT, "of the pods"),
        (("cluster.pod.config_env={MLFLOW_TRACKING_URI: mlflow/uri}",), ROOT, "of the pods"),
        (
            (
                "cluster.patch={all: {configMapAsEnv: [{configMapName: mlflow, keyToEnv: "
                "[{configMapKey: uri, envVar: MLFLOW_TRACKING_URI}]}]}}",
            ),
            ROOT,
            "of the pods",
        ),
        ((), ROOT, "in a file of each pod, lost with it"),
        (("cluster.volume=v",), None, "in mlflow/ beside the campaign root"),
        (("cluster.volume=v",), "/campaigns/one", "in mlflow/ beside the campaign root"),
    ],
)
def test_a_dry_run_says_where_mlflow_is(
    changes: tuple[str, ...], root: str | None, words: str
) -> None:
    made = recipe("tracking.uri=null", "cluster.image=one:1", *changes)
    (line,) = [
        line for line in describe_submission(made, root).splitlines() if "# tracking: " in line
    ]
    assert line.endswith(words)


def test_the_command_writes_the_file_or_reports_what_is_wrong(tmp_path: Path) -> None:
    path, smoke = tmp_path / "out" / "pipeline.yaml", str(RECIPES / "smoke.yaml")
    usual = ["compile", smoke, "--set", MLFLOW, "--output", str(path)]
    good = CliRunner().invoke(main, [*usual, "--root", ROOT])
    assert (good.exit_code, good.output) == (0, f"Wrote {path}.\n")
    bad = CliRunner().invoke(main, [*usual, "--root", "runs/x"])
    assert bad.exit_code == 2
    assert "gs://" in bad.output
    odd = CliRunner().invoke(main, ["compile", smoke, "--output", str(tmp_path / "x.json")])
    assert odd.exit_code == 2


@pytest.mark.parametrize(
    ("opened", "plan", "expected"),
    [
        (0, 0, "close-cycle open-cycle"),  # nothing new, held by another run, or complete
        (3, 0, "close-cycle feedback open-cycle preprocess"),
        (3, 2, "close-cycle feedback open-cycle preprocess query-2"),
        (3, 1, "close-cycle evaluate feedback open-cycle preprocess query split train"),
    ],
)
def test_a_run_starts_the_pods_that_have_something_to_do(
    everything: tuple[Any, Any, str], opened: int, plan: int, expected: str
) -> None:
    assert pods(everything[0], open_cycle=opened, feedback=plan) == expected.split()


@pytest.mark.parametrize(
    ("plan", "expected"),
    [
        (0, "close-cycle prepare"),
        (2, "close-cycle prepare query-2"),
        (1, "close-cycle evaluate prepare query train"),
    ],
)
def test_the_light_steps_may_share_a_pod(
    fused: tuple[Any, Any, str], plan: int, expected: str
) -> None:
    assert pods(fused[0], prepare=plan) == expected.split()


def test_the_shared_pod_has_the_settings_of_preprocess(tmp_path: Path) -> None:
    steps = "cluster.steps={preprocess: {cpu: '3', timeout_minutes: 7}, open: {cpu: '9'}}"
    spec, platform, _ = compiled(tmp_path, "cluster.fuse_light_steps=true", steps)
    assert executors(spec)["prepare"]["resources"]["resourceCpuRequest"] == "3"
    assert kubernetes(platform)["prepare"]["activeDeadlineSeconds"] == "420"
    assert set(executors(spec)) == {
        "prepare",
        "train",
        "evaluate",
        "query",
        "query-2",
        "close-cycle",
    }


@pytest.mark.parametrize(
    ("plan", "expected"),
    [
        (0, "close-cycle feedback open-cycle preprocess"),
        (2, "close-cycle feedback look-2 look-2 look-2 open-cycle preprocess query-2"),
        (
            1,
            "close-cycle evaluate feedback look look look open-cycle preprocess query split train",
        ),
    ],
)
def test_the_pool_may_be_looked_at_in_shards(
    shards: tuple[Any, Any, str], plan: int, expected: str
) -> None:
    assert pods(shards[0], open_cycle=3, feedback=plan) == expected.split()


def test_each_shard_comes_between_the_evaluation_and_the_query_and_has_the_settings_of_the_query(
    shards: tuple[Any, Any, str],
) -> None:
    spec, platform, _ = shards
    (branch,) = [dag for row in spec["components"].values() if "train" in (dag := tasks_of(row))]
    (loop,) = [name for name, task in branch.items() if "parameterIterator" in task]
    assert branch[loop]["parameterIterator"]["items"] == {"raw": "[1, 2, 3]"}
    assert "evaluate" in branch[loop]["dependentTasks"]
    assert loop in branch["query"]["dependentTasks"]
    rows = executors(spec)
    for one, other in (("look", "query"), ("look-2", "query-2")):
        assert rows[one]["resources"] == rows[other]["resources"]
        assert kubernetes(platform)[one] == kubernetes(platform)[other]
    assert rows["look"]["resources"]["resourceMemoryLimit"] == "20G"
    found = dict(tasks(spec))
    assert found["look"]["retryPolicy"] == found["query"]["retryPolicy"]
    assert not found["look"]["cachingOptions"].get("enableCache", False)


def tasks_of(component: Any) -> dict[str, Any]:
    return component.get("dag", {}).get("tasks", {})
