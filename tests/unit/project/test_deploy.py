"""deploy/: what kubectl renders is valid Kubernetes, and fits the recipes that it submits."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from components.contracts.recipe.recipe import load
from pipelines.serve.cli import serve_command

REPOSITORY = Path(__file__).parents[3]
DEPLOY = REPOSITORY / "deploy"
OVERLAYS = ("gcs", "volume")
VERSION = "1.33"

needs_kubectl = pytest.mark.skipif(shutil.which("kubectl") is None, reason="kubectl is not here")


def rendered(folder: Path) -> list[dict[str, Any]]:
    done = subprocess.run(
        ["kubectl", "kustomize", str(folder)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return [row for row in yaml.safe_load_all(done.stdout) if row]


def named(rows: list[dict[str, Any]], kind: str, name: str) -> dict[str, Any]:
    (row,) = [r for r in rows if r["kind"] == kind and r["metadata"]["name"] == name]
    return row


def pod_of(row: dict[str, Any]) -> dict[str, Any]:
    spec = row["spec"]["jobTemplate"]["spec"] if row["kind"] == "CronJob" else row["spec"]
    return spec["template"]["spec"]


def written() -> Iterator[tuple[Path, dict[str, Any]]]:
    for path in sorted(DEPLOY.rglob("*.yaml")):
        if path.name not in ("kustomization.yaml", "recipe.yaml"):
            yield from ((path, row) for row in yaml.safe_load_all(path.read_text()) if row)


@needs_kubectl
@pytest.mark.parametrize("overlay", OVERLAYS)
def test_what_is_rendered_fits_the_schemas_of_kubernetes(overlay: str) -> None:
    kubernetes_validate = pytest.importorskip(
        "kubernetes_validate", reason="see requirements/dev.in"
    )
    rows = rendered(DEPLOY / "overlays" / overlay)
    assert {"CronJob", "Deployment", "Namespace", "RoleBinding"} <= {r["kind"] for r in rows}
    for row in rows:
        kubernetes_validate.validate(row, VERSION, strict=True)


@needs_kubectl
def test_the_server_of_the_champion_is_a_valid_pod_that_runs_our_command() -> None:
    kubernetes_validate = pytest.importorskip(
        "kubernetes_validate", reason="see requirements/dev.in"
    )
    (row,) = rendered(DEPLOY / "serving")
    predictor = row["spec"]["predictor"]
    replicas = {"minReplicas", "maxReplicas"}  # KServe's own; the rest is a pod's
    assert predictor["minReplicas"] >= 2
    pod = {name: value for name, value in predictor.items() if name not in replicas}
    pod_row = {"apiVersion": "v1", "kind": "Pod", "metadata": row["metadata"], "spec": pod}
    kubernetes_validate.validate(pod_row, VERSION, strict=True)
    (container,) = pod["containers"]
    assert container["name"] == "kserve-container"  # by which KServe finds it
    program, command, *arguments = container["args"]
    assert (program, command) == ("streetloop", serve_command.name)
    options = serve_command.make_context("serve", arguments).params
    assert options["host"] == "0.0.0.0"
    probes = {container[p]["httpGet"]["port"] for p in container if p.endswith("Probe")}
    assert probes == {options["port"]} == {p["containerPort"] for p in container["ports"]}
    assert container["securityContext"]["readOnlyRootFilesystem"] is True


@needs_kubectl
def test_isolation_can_be_added_to_an_overlay(tmp_path: Path) -> None:
    for name in ("deploy", "mlflow/kubernetes"):
        shutil.copytree(REPOSITORY / name, tmp_path / name)
    overlay = tmp_path / "deploy" / "overlays" / "volume"
    file = overlay / "kustomization.yaml"
    file.write_text(
        file.read_text().replace(
            "components/cron\n", "components/cron\n  - ../../components/isolate\n"
        )
    )
    policy = named(rendered(overlay), "NetworkPolicy", "streetloop-runs")
    assert policy["spec"]["policyTypes"] == ["Ingress", "Egress"]
    assert "ingress" not in policy["spec"]


@needs_kubectl
@pytest.mark.parametrize("overlay", OVERLAYS)
def test_the_overlay_creates_what_its_recipe_names(overlay: str) -> None:
    rows = rendered(DEPLOY / "overlays" / overlay)
    job = named(rows, "CronJob", "streetloop-submit")
    recipe = load(DEPLOY / "overlays" / overlay / "recipe.yaml", [], None)
    account = recipe.cluster.service_account
    assert account is not None
    assert named(rows, "ServiceAccount", account)["metadata"]["namespace"] == "kubeflow"
    binding = named(rows, "RoleBinding", "streetloop-runs")
    assert binding["subjects"] == [
        {"kind": "ServiceAccount", "name": account, "namespace": "kubeflow"}
    ]
    claims = [
        r["metadata"]["name"]
        for r in rows
        if r["kind"] == "PersistentVolumeClaim" and r["metadata"]["namespace"] == "kubeflow"
    ]
    assert claims == [name for name in [recipe.cluster.volume] if name]
    (container,) = pod_of(job)["containers"]
    assert container["image"] == recipe.cluster.image
    (config,) = [r for r in rows if r["kind"] == "ConfigMap"]  # its name ends with a hash
    mounted = next(v for v in pod_of(job)["volumes"] if v["name"] == "recipe")
    assert mounted["configMap"]["name"] == config["metadata"]["name"]
    assert list(config["data"]) == [Path(container["args"][2]).name]
    assert ("--root" in container["args"]) == (recipe.cluster.volume is None)


@needs_kubectl
@pytest.mark.parametrize("overlay", OVERLAYS)
def test_every_pod_may_run_under_restricted_pod_security(overlay: str) -> None:
    rows = rendered(DEPLOY / "overlays" / overlay)
    pods = [pod_of(r) for r in rows if r["kind"] in ("CronJob", "Deployment", "StatefulSet")]
    assert len(pods) >= 2
    for pod in pods:
        assert pod["securityContext"]["runAsNonRoot"] is True
        assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
        for container in pod["containers"]:
            security = container["securityContext"]
            assert security["capabilities"] == {"drop": ["ALL"]}
            assert security["readOnlyRootFilesystem"] is True
            assert security["allowPrivilegeEscalation"] is False


def test_no_secret_is_written_down() -> None:
    assert [str(path) for path, row in written() if row["kind"] == "Secret"] == []


def test_every_name_that_deploy_lists_is_there() -> None:
    for path in DEPLOY.rglob("kustomization.yaml"):
        row = yaml.safe_load(path.read_text())
        generated = [n for g in row.get("configMapGenerator", []) for n in g["files"]]
        patches = [patch["path"] for patch in row.get("patches", [])]
        listed = [*row.get("resources", []), *row.get("components", []), *patches, *generated]
        assert [name for name in listed if not (path.parent / name).exists()] == []
        used = {p.name for p in path.parent.glob("*.yaml")} - {"kustomization.yaml"}
        assert used == {name for name in listed if name.endswith(".yaml")}
