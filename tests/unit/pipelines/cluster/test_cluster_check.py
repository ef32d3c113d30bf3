"""cluster check: the endpoint (the real kfp.Client), kubectl, the image, MLflow and the bucket."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from components.contracts.process.errors import StreetloopError, UsageError
from components.contracts.recipe.cluster import ClusterSettings
from pipelines.cli import main
from pipelines.cluster.kubectl import check_objects
from pipelines.cluster.outside import UnknownHereError, check_image, check_tracking
from tests.support.kfp_server import KfpServer, kfp_server
from tests.support.places import RECIPES

# What kubectl prints for objects that exist, are missing, and may not be read.
KUBECTL = """#!/bin/sh
case "$2 $3" in
  "namespace team"|"serviceaccount trainer") echo '{}' ;;
  "secret full") echo '{"data": {"MLFLOW_TRACKING_USERNAME": "YQ==", "MLFLOW_TRACKING_PASSWORD": "Yg=="}}' ;;
  "secret half") echo '{"data": {"MLFLOW_TRACKING_USERNAME": "YQ=="}}' ;;
  "persistentvolumeclaim work") echo '{"spec": {"accessModes": ["ReadWriteMany"]}, "status": {"phase": "Bound"}}' ;;
  "secret hidden") echo 'E1127 memcache.go: noise' >&2; echo 'Error from server (Forbidden): no' >&2; exit 1 ;;
  *) echo "Error from server (NotFound): $2 \\"$3\\" not found" >&2; exit 1 ;;
esac
"""


@pytest.fixture
def kubectl(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program = tmp_path / "bin" / "kubectl"
    program.parent.mkdir()
    program.write_text(KUBECTL)
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{program.parent}{os.pathsep}{os.environ['PATH']}")


def call(host: str, *settings: str, root: str = "/campaigns/smoke") -> Result:
    arguments = ["cluster", "check", str(RECIPES / "smoke.yaml"), "--root", root]
    for setting in (
        f"cluster.host={host}",
        "cluster.namespace=team",
        "cluster.image=example/streetloop:0.1-a1b2c3",
        "cluster.volume=work",
        *settings,
    ):
        arguments += ["--set", setting]
    return CliRunner().invoke(main, arguments)


def test_a_cluster_that_is_ready_passes(server: KfpServer, kubectl: None) -> None:
    result = call(server.url, "cluster.service_account=trainer", "cluster.secret=full")
    assert result.exit_code == 0, result.output
    lines = result.output.splitlines()
    assert f"ok      endpoint: {server.url}, for one user" in lines
    assert any(line.startswith("ok      version: 2.17.0, with kfp 2.") for line in lines)
    assert "ok      right to list runs: in namespace team" in lines
    assert "ok      experiment: streetloop does not exist; submit creates it" in lines
    assert "ok      secret: full has both keys" in lines
    assert any(line.startswith("ok      volume: work is Bound (ReadWriteMany)") for line in lines)
    assert any(line.startswith("?       campaign root: /campaigns/smoke is on") for line in lines)
    mlflow = "?       MLflow: in mlflow/ beside the campaign root: a store that only pods see."
    assert mlflow in lines
    assert server.runs == server.experiments == []


def test_every_failed_check_is_named(server: KfpServer, kubectl: None) -> None:
    server.version = "2.3.0"
    result = call(server.url, "cluster.secret=half", "cluster.image=example/streetloop:latest")
    assert result.exit_code == 1
    assert "FAILED  version: 2.3.0" in result.output
    assert "GPU requests, which it drops silently" in result.output
    assert "Secret half lacks MLFLOW_TRACKING_PASSWORD" in result.output
    assert "3 of the checks failed: version, secret, image." in result.output


def test_a_store_that_each_pod_would_have_for_itself_fails(
    server: KfpServer, kubectl: None
) -> None:
    result = call(server.url, root="/campaigns")  # its folder mlflow would be beside the volume
    assert "FAILED  MLflow: tracking.uri is not set" in result.output


def test_an_unreachable_endpoint_does_not_hide_the_other_checks(kubectl: None) -> None:
    with kfp_server() as gone:
        address = gone.url
    result = call(address)
    assert result.exit_code == 1
    assert "FAILED  endpoint" in result.output
    assert "right to" not in result.output
    assert "ok      volume" in result.output


def test_a_missing_object_fails_and_one_that_may_not_be_read_is_unknown(kubectl: None) -> None:
    checks = dict(check_objects(ClusterSettings(namespace="team", secret="hidden", volume="gone")))
    assert checks["namespace"]() == "team exists"
    with pytest.raises(StreetloopError, match="no persistentvolumeclaim gone in team"):
        checks["volume"]()
    with pytest.raises(UnknownHereError, match=r"kubectl says: Error from server \(Forbidden\)"):
        checks["secret"]()


@pytest.mark.parametrize(
    ("image", "words"),
    [
        (None, "cluster.image is not set"),
        ("example/streetloop", "names no tag"),
        ("registry:5000/streetloop", "names no tag"),
        ("example/streetloop:latest", "a tag that moves"),
    ],
)
def test_an_image_that_may_change_is_rejected(image: str | None, words: str) -> None:
    with pytest.raises(UsageError, match=words):
        check_image(image)


def test_a_digest_and_a_tag_of_a_version_are_accepted() -> None:
    assert "(by digest)" in check_image(f"registry:5000/streetloop@sha256:{'0' * 64}")
    assert "(by tag;" in check_image("registry:5000/streetloop:0.1-a1b2c3")


def test_mlflow_is_not_any_server(server: KfpServer) -> None:
    with pytest.raises(StreetloopError, match="answers 404"):
        check_tracking(server.url)
    with pytest.raises(UnknownHereError, match="Only a pod can reach it"):
        check_tracking("http://mlflow.mlflow.svc:5000")


def test_all_questions_share_a_connection(server: KfpServer, kubectl: None) -> None:
    call(server.url)
    # The connection, what it says about several users, and its version.
    assert server.calls.count(("GET", "/healthz")) == 3
