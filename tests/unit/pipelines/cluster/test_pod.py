"""What the recipe asks for a step's pod, in the compiled pipeline."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from components.contracts.process.errors import UsageError
from tests.support.compiled import compiled, executors, kubernetes, recipe


def pods(folder: Path, *changes: str) -> dict[str, Any]:
    """The Kubernetes part of each step."""
    return kubernetes(compiled(folder, *changes)[1])


def variables(row: Any) -> dict[str, str]:
    return {one["name"]: one["value"] for one in row.get("env", [])}


def test_image_labels_and_nodes_reach_every_pod(tmp_path: Path) -> None:
    rows = pods(
        tmp_path,
        "cluster.pod.image_pull_policy=Always",
        "cluster.pod.image_pull_secrets=[one, two]",
        "cluster.pod.labels={example.org/team: vision}",
        "cluster.pod.annotations={note: 'any text, really'}",
        "cluster.pod.node_selector={pool: cpu}",
    )
    assert len(rows) == 9
    for row in rows.values():
        assert row["imagePullPolicy"] == "Always"
        assert [one["secretName"] for one in row["imagePullSecret"]] == ["one", "two"]
        assert row["podMetadata"] == {
            "labels": {"example.org/team": "vision"},
            "annotations": {"note": "any text, really"},
        }
        assert row["nodeSelector"] == {"labels": {"pool": "cpu"}}


def test_a_step_adds_its_own_nodes_and_taints(tmp_path: Path) -> None:
    rows = pods(
        tmp_path,
        "cluster.pod.node_selector={pool: cpu, zone: a}",
        "cluster.pod.tolerations=[{key: shared, operator: Exists}]",
        "cluster.steps.train.node_selector={pool: gpu}",
        "cluster.steps.train.tolerations=[{key: gpu, value: 'yes', effect: NoSchedule}]",
    )
    shared = {"key": "shared", "operator": "Exists"}
    gpu = {"key": "gpu", "operator": "Equal", "value": "yes", "effect": "NoSchedule"}
    for name, row in rows.items():
        own = name == "train"
        assert row["nodeSelector"]["labels"] == {"pool": "gpu" if own else "cpu", "zone": "a"}
        assert row["tolerations"] == ([shared, gpu] if own else [shared])


def test_variables_come_from_the_recipe_secrets_and_config_maps(tmp_path: Path) -> None:
    spec, platform, _ = compiled(
        tmp_path,
        "cluster.pod.env={STREETLOOP_DEBUG: '1'}",
        "cluster.pod.secret_env={TOKEN: account/token, USER_NAME: account/user}",
        "cluster.pod.config_env={HTTPS_PROXY: proxy.example/https.address}",
    )
    assert all(variables(row)["STREETLOOP_DEBUG"] == "1" for row in executors(spec).values())
    for row in kubernetes(platform).values():
        found = {
            pair["envVar"]: f"{one['secretName']}/{pair['secretKey']}"
            for one in row["secretAsEnv"]
            for pair in one["keyToEnv"]
        }
        assert found == {"TOKEN": "account/token", "USER_NAME": "account/user"}
        (proxy,) = row["configMapAsEnv"]
        assert proxy["configMapName"] == "proxy.example"
        assert proxy["keyToEnv"] == [{"configMapKey": "https.address", "envVar": "HTTPS_PROXY"}]


def test_scratch_is_a_limited_volume_with_the_temporary_files(tmp_path: Path) -> None:
    spec, platform, _ = compiled(tmp_path, "cluster.pod.scratch=50G")
    assert all(variables(row)["TMPDIR"] == "/scratch" for row in executors(spec).values())
    for row in kubernetes(platform).values():
        mount = row["emptyDirMounts"][-1]
        assert (mount["mountPath"], mount["sizeLimit"]) == ("/scratch", "50G")
        assert mount.get("medium", "") == ""


def test_a_step_has_its_own_resources_and_timeout(tmp_path: Path) -> None:
    spec, platform, _ = compiled(
        tmp_path,
        "cluster.gpus=2",
        "cluster.steps={train: {cpu: '12', memory: 48G, gpus: 4, timeout_minutes: 5},"
        " evaluate: {gpus: 0}, split: {memory: 6G}}",
    )
    rows = {name: row["resources"] for name, row in executors(spec).items()}
    train, split, close = rows["train"], rows["split"], rows["close-cycle"]
    assert train["resourceCpuRequest"] == "12"
    assert train["resourceMemoryRequest"] == train["resourceMemoryLimit"] == "48G"
    assert train["accelerator"]["resourceCount"] == "4"
    assert "accelerator" not in rows["evaluate"]
    assert rows["query"]["accelerator"]["resourceCount"] == "1"
    assert split["resourceMemoryRequest"] == split["resourceMemoryLimit"] == "6G"
    assert close["resourceMemoryRequest"] == "4G"
    assert "resourceMemoryLimit" not in close
    assert int(kubernetes(platform)["train"]["activeDeadlineSeconds"]) == 300
    assert int(kubernetes(platform)["split"]["activeDeadlineSeconds"]) == 720 * 60


def test_the_lease_covers_a_step_with_a_timeout_of_its_own() -> None:
    longer = recipe("cluster.steps={preprocess: {timeout_minutes: 2000}}")
    assert longer.lease_seconds == 60 * (3 * 2000 + 1 + 2)


def test_a_patch_is_merged_into_all_steps_or_one(tmp_path: Path) -> None:
    rows = pods(
        tmp_path,
        "cluster.pod.tolerations=[{key: shared, operator: Exists}]",
        "cluster.pod.image_pull_policy=Always",
        "cluster.patch={all: {fieldPathAsEnv: [{name: NODE, fieldPath: spec.nodeName}]},"
        " train: {imagePullPolicy: Never, tolerations: [{key: gpu, operator: Exists}],"
        " nodeAffinity: [{matchExpressions: [{key: gpu, operator: In, values: [a100, h100]}]}]},"
        " close: {securityContext: {runAsUser: 7}}}",
    )
    node = {"name": "NODE", "fieldPath": "spec.nodeName"}
    assert all(row["fieldPathAsEnv"] == [node] for row in rows.values())
    assert rows["train"]["imagePullPolicy"] == "Never"
    assert [one["key"] for one in rows["train"]["tolerations"]] == ["shared", "gpu"]
    affinity = {"key": "gpu", "operator": "In", "values": ["a100", "h100"]}
    assert rows["train"]["nodeAffinity"] == [{"matchExpressions": [affinity]}]
    context = rows["close-cycle"]["securityContext"]
    assert (context["runAsNonRoot"], int(context["runAsUser"])) == (True, 7)
    assert rows["split"]["imagePullPolicy"] == "Always"
    assert "nodeAffinity" not in rows["split"]


def test_a_patch_that_the_platform_does_not_have_is_named(tmp_path: Path) -> None:
    words = r"cluster\.patch\.train is not of .*priorityClass.*Available Fields.*nodeAffinity"
    with pytest.raises(UsageError, match=words):
        compiled(tmp_path, "cluster.patch={train: {priorityClass: high}}")


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ("cluster.pod.secret_env={TOKEN: account}", r"cluster\.pod\.secret_env\.TOKEN: .*matches"),
        ("cluster.volume=my.claim", r"cluster\.volume: .*matches"),
        ("cluster.pod.env={1A: b}", r"cluster\.pod\.env\.1A: .*matches"),
        ("cluster.pod.labels={team: two words}", r"cluster\.pod\.labels\.team: .*matches"),
        ("cluster.pod.image_pull_policy=Sometimes", r"cluster\.pod\.image_pull_policy: .*Always"),
        ("cluster.steps={trian: {cpu: '1'}}", r"cluster\.steps\.trian: .*'train'"),
        ("cluster.steps={train: {gpus: -1}}", r"cluster\.steps\.train\.gpus: .*greater than"),
        ("cluster.steps={train: {gpu: 1}}", r"unknown key cluster\.steps\.train\.gpu"),
        (
            "cluster.pod.tolerations=[{key: a, effect: Never}]",
            r"cluster\.pod\.tolerations\.0\.effect: ",
        ),
    ],
)
def test_a_mistake_is_named_with_its_key(change: str, words: str) -> None:
    with pytest.raises(UsageError, match=words):
        recipe(change)


def test_finished_runs_are_kept_as_long_as_the_recipe_says(tmp_path: Path) -> None:
    platform = compiled(tmp_path, "cluster.keep_seconds=86400")[1]
    config = platform["platforms"]["kubernetes"]["pipelineConfig"]
    assert config == {"resourceTtlOnCompletion": 86400}
    platform = compiled(tmp_path)[1]
    assert "pipelineConfig" not in platform["platforms"]["kubernetes"]
