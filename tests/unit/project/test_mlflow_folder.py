"""mlflow/: a deployment, never a package; and what its files promise."""

from __future__ import annotations

import configparser
import re
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest
import yaml

from components.contracts.tracking.environment import QUIET

FOLDER = Path(__file__).parents[3] / "mlflow"
KUBERNETES = FOLDER / "kubernetes"
# An environment variable of this kind holds a secret. MLFLOW_AUTH_CONFIG_PATH does not.
SECRET = re.compile(r"PASSWORD|SECRET|TOKEN")


def manifests() -> Iterator[dict[str, Any]]:
    for path in sorted(KUBERNETES.rglob("*.yaml")):
        yield from (row for row in yaml.safe_load_all(path.read_text()) if row)


def pods() -> list[tuple[str, dict[str, Any]]]:
    """Whole pod templates; the overlays' patches, which hold a part, are left out."""
    found = [
        (f"{row['kind']}/{row['metadata']['name']}", row["spec"]["template"]["spec"])
        for row in manifests()
        if row["kind"] in ("Deployment", "StatefulSet") and "selector" in row["spec"]
    ]
    assert [name for name, _ in found] == ["Deployment/mlflow", "StatefulSet/postgres"]
    return found


def compose() -> dict[str, Any]:
    return yaml.safe_load((FOLDER / "compose.yaml").read_text())


def test_the_folder_holds_no_python() -> None:
    assert [p for p in FOLDER.rglob("*") if p.suffix in (".py", ".pyc", ".pyi")] == []


def test_import_mlflow_finds_the_package_from_the_repository_too(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from importlib.machinery import PathFinder

    monkeypatch.syspath_prepend(str(FOLDER.parent))
    spec = PathFinder.find_spec("mlflow")
    assert spec is not None
    assert spec.origin is not None
    assert "site-packages" in Path(spec.origin).parts


def test_the_server_is_of_the_version_that_the_steps_use() -> None:
    locked = re.search(r"^mlflow==(\S+)", (FOLDER / "requirements.txt").read_text(), re.MULTILINE)
    assert locked is not None
    assert locked[1] == version("mlflow")


def test_the_lock_holds_what_accounts_postgresql_and_buckets_need_with_hashes() -> None:
    text = (FOLDER / "requirements.txt").read_text()
    rows = re.findall(r"^([A-Za-z0-9_.-]+)==[^\n]*\\\n    --hash=sha256:", text, re.MULTILINE)
    assert {"mlflow", "flask-wtf", "psycopg2-binary", "google-cloud-storage"} <= set(rows)
    assert len(rows) == len(re.findall(r"^[A-Za-z0-9_.-]+==", text, re.MULTILINE))


def test_the_database_driver_is_the_one_that_is_installed() -> None:
    """SQLAlchemy's choice for plain `postgresql:` has changed between its versions."""
    ini = configparser.ConfigParser()
    ini.read(FOLDER / "basic_auth.ini")
    uri = ini["mlflow"]["database_uri"]
    assert uri == "postgresql+psycopg2:///mlflow"
    assert f"MLFLOW_BACKEND_STORE_URI={uri} " in (FOLDER / "Dockerfile").read_text()
    assert "admin_password" not in ini["mlflow"]


def test_every_name_that_kustomize_lists_is_there() -> None:
    found = list(KUBERNETES.rglob("kustomization.yaml"))
    assert len(found) == 3
    for path in found:
        row = yaml.safe_load(path.read_text())
        listed = row["resources"] + [patch["path"] for patch in row.get("patches", [])]
        assert [name for name in listed if not (path.parent / name).exists()] == []
        used = {p for p in path.parent.glob("*.yaml") if p != path}
        assert used == {path.parent / name for name in listed if name.endswith(".yaml")}


def test_allowed_hosts_name_the_service_with_its_port() -> None:
    (port,) = {
        row["spec"]["ports"][0]["port"]
        for row in manifests()
        if row["kind"] == "Service" and row["metadata"]["name"] == "mlflow"
    }
    (server,) = dict(pods())["Deployment/mlflow"]["containers"]
    (hosts,) = [e["value"] for e in server["env"] if e["name"] == "MLFLOW_SERVER_ALLOWED_HOSTS"]
    names = hosts.split(",")
    assert {
        f"{n}:{port}" for n in ("localhost", "mlflow.mlflow.svc", "mlflow.mlflow.svc.cluster.local")
    } <= set(names)
    assert all(re.fullmatch(rf"[a-z0-9.-]+:{port}", name) for name in names), names
    variable = compose()["services"]["mlflow"]["environment"]["MLFLOW_SERVER_ALLOWED_HOSTS"]
    default = variable.removesuffix("}").partition(":-")[2]
    assert all(name.endswith(":5000") for name in default.split(","))


def test_every_secret_comes_from_outside() -> None:
    assert [row for row in manifests() if row["kind"] == "Secret"] == []
    seen = 0
    for _, pod in pods():
        for variable in pod["containers"][0]["env"]:
            if SECRET.search(variable["name"]):
                seen += 1
                assert "secretKeyRef" in variable["valueFrom"], variable
                assert "value" not in variable
    assert seen == 4
    for service in compose()["services"].values():
        for name, value in service.get("environment", {}).items():
            if SECRET.search(name):
                # ${NAME:?…}: Compose refuses to start without it.
                assert re.fullmatch(r"\$\{[A-Z_]+:\?[^}]+\}", value), name
    example = dict(
        line.split("=", 1)
        for line in (FOLDER / ".env.example").read_text().splitlines()
        if line and not line.startswith("#")
    )
    assert example
    assert set(example.values()) == {""}


def test_pods_run_without_rights_and_are_watched() -> None:
    for name, pod in pods():
        (container,) = pod["containers"]
        assert pod["securityContext"]["runAsNonRoot"] is True
        assert pod["securityContext"]["runAsUser"] > 0
        assert pod["automountServiceAccountToken"] is False
        assert container["securityContext"] == {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        }
        assert {"readinessProbe", "livenessProbe"} <= set(container), name
        assert container["resources"]["requests"].keys() == {"cpu", "memory"}
        assert "memory" in container["resources"]["limits"]


def test_every_pod_has_a_network_policy() -> None:
    chosen = [
        row["spec"]["podSelector"]["matchLabels"]
        for row in manifests()
        if row["kind"] == "NetworkPolicy" and "podSelector" in row["spec"]
    ]
    labels = [
        row["spec"]["selector"]["matchLabels"]
        for row in manifests()
        if row["kind"] in ("Deployment", "StatefulSet") and "selector" in row["spec"]
    ]
    assert all(label in chosen for label in labels)


def test_the_server_sends_no_usage_data_and_starts_no_job_workers() -> None:
    (server,) = dict(pods())["Deployment/mlflow"]["containers"]
    values = {row["name"]: row.get("value") for row in server["env"]}
    image = (FOLDER / "Dockerfile").read_text()
    variables = compose()["services"]["mlflow"]["environment"]
    for name, value in QUIET.items():
        assert values[name] == value
        assert f" {name}={value} " in image
        assert variables[name] == f"${{{name}:-{value}}}"  # .env may ask for it
