"""The pods that a compiled pipeline leads to are valid Kubernetes."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import pytest

from tests.support.compiled import compiled
from tests.support.pods import problems_of, rendered_pods
from tests.unit.pipelines.cluster.test_compile import EVERYTHING

VERSIONS = ("1.28", "1.33")  # an old one that clusters still have, and the one of deploy/
VOLUMES = (
    "cluster.patch={all: {secretAsVolume: [{secretName: kfp-token, mountPath: /token}],"
    " configMapAsVolume: [{configMapName: ca, mountPath: /ca}]},"
    " train: {genericEphemeralVolume: [{volumeName: cache, mountPath: /cache, size: 100Gi,"
    " accessModes: [ReadWriteOnce], defaultStorageClass: true}]}}"
)
PLACES = (
    "cluster.patch={all: {securityContext: {runAsUser: 10001, runAsGroup: 0},"
    " tolerations: [{key: spot, operator: Exists, effect: NoExecute, tolerationSeconds: 300}]},"
    " train: {nodeAffinity: [{matchExpressions: [{key: gpu, operator: In, values: [a100]}]},"
    " {weight: 10, matchExpressions: [{key: zone, operator: NotIn, values: [b]}]}]}}"
)
STEPS = "cluster.steps={train: {cpu: '1.5', memory: 48Gi, gpus: 2}, split: {cpu: 500m}}"


def pods_of(folder: Path, *changes: str) -> dict[str, Any]:
    spec, platform, _ = compiled(folder, *changes)
    return rendered_pods(spec, platform)


def validate(pod: Any, version: str) -> None:
    kubernetes_validate = pytest.importorskip(
        "kubernetes_validate", reason="see requirements/dev.in"
    )
    kubernetes_validate.validate(pod, version, strict=True)


@pytest.mark.parametrize(
    "changes",
    [(), EVERYTHING, (VOLUMES,), (PLACES,), (STEPS,), (*EVERYTHING, "cluster.shards=2")],
    ids=["plain", "everything", "volumes", "places", "steps", "shards"],
)
def test_every_pod_fits_the_schemas_and_names_what_it_has(
    tmp_path: Path, changes: tuple[str, ...]
) -> None:
    pods = pods_of(tmp_path, *changes)
    assert len(pods) == (11 if "cluster.shards=2" in changes else 9)
    for name, pod in pods.items():
        for version in VERSIONS:
            validate(pod, version)
        assert problems_of(pod) == [], name


def test_what_the_recipe_asks_for_is_in_the_pod(tmp_path: Path) -> None:
    pod = pods_of(tmp_path, *EVERYTHING)["train"]
    (main,) = pod["spec"]["containers"]
    assert main["resources"] == {
        "requests": {"cpu": "12", "memory": "32G"},
        "limits": {"memory": "32G", "nvidia.com/gpu": "4"},
    }
    assert pod["spec"]["nodeSelector"] == {"pool": "gpu"}
    assert [one["key"] for one in pod["spec"]["tolerations"]] == ["shared", "gpu"]
    assert {"name": "shared-memory", "emptyDir": {"medium": "Memory", "sizeLimit": "2Gi"}} in (
        pod["spec"]["volumes"]
    )
    assert pod["spec"]["activeDeadlineSeconds"] == 12 * 3600
    assert pod["metadata"]["labels"] == {"team": "vision"}


def test_the_schemas_and_the_further_checks_reject_what_is_wrong(tmp_path: Path) -> None:
    kubernetes_validate = pytest.importorskip("kubernetes_validate")
    good = pods_of(tmp_path, "cluster.pod.scratch=1G")["train"]
    odd = copy.deepcopy(good)
    odd["spec"]["terminationGraceSeconds"] = 60  # no such field
    with pytest.raises(kubernetes_validate.ValidationError, match="terminationGraceSeconds"):
        validate(odd, "1.33")
    patch = "{volumeName: scratch, mountPath: /scratch}"
    twice = pods_of(
        tmp_path,
        "cluster.pod.scratch=1G",
        f"cluster.patch={{train: {{emptyDirMounts: [{patch}]}}}}",
    )["train"]
    assert problems_of(twice) == ["volume scratch twice", "path /scratch twice"]
