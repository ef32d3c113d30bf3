"""submit, schedule, schedules and unschedule: the real kfp.Client against a small server."""

from __future__ import annotations

import pytest
from click.testing import CliRunner, Result

from pipelines.cli import main
from tests.support.compiled import MLFLOW
from tests.support.kfp_server import KfpServer, kfp_server
from tests.support.places import RECIPES

ROOT = "gs://bucket/campaigns/one"
NIGHTLY = "0 0 2 * * *"


def call(host: str, command: str, *more: str) -> Result:
    arguments = [command, str(RECIPES / "smoke.yaml"), "--root", ROOT]
    arguments += ["--set", f"cluster.host={host}", "--set", "cluster.image=example/streetloop:1"]
    arguments += ["--set", MLFLOW]
    return CliRunner().invoke(main, [*arguments, *more])


def test_submit_starts_one_run_with_the_compiled_pipeline(server: KfpServer) -> None:
    result = call(server.url, "submit", "--set", "cluster.service_account=trainer")
    assert result.exit_code == 0, result.output
    (run,) = server.runs
    assert f"Started run {run['run_id']}: {server.url}/#/runs/details/" in result.output
    assert run["display_name"].startswith("smoke-")
    assert run["service_account"] == "trainer"
    assert run["experiment_id"] == server.experiments[0]["experiment_id"]
    spec = run["pipeline_spec"]["pipeline_spec"]
    assert spec["root"]["inputDefinitions"]["parameters"]["root"]["defaultValue"] == ROOT
    kubernetes = run["pipeline_spec"]["platform_spec"]["platforms"]["kubernetes"]
    assert kubernetes["deploymentSpec"]["executors"]


def test_a_schedule_runs_one_cycle_at_a_time_and_skips_missed_ones(server: KfpServer) -> None:
    result = call(server.url, "schedule", "--cron", NIGHTLY)
    assert result.exit_code == 0, result.output
    (row,) = server.schedules
    assert row["trigger"]["cron_schedule"]["cron"] == NIGHTLY
    assert row["max_concurrency"] == "1" or row["max_concurrency"] == 1
    assert row["no_catchup"] is True
    version = server.versions[-1]
    assert row["pipeline_version_reference"] == {
        "pipeline_id": version["pipeline_id"],
        "pipeline_version_id": version["pipeline_version_id"],
    }
    assert version["pipeline_spec"][0]["pipelineInfo"]["name"] == "streetloop-cycle"


def test_a_campaign_has_at_most_one_schedule(server: KfpServer) -> None:
    assert call(server.url, "schedule", "--cron", NIGHTLY).exit_code == 0
    again = call(server.url, "schedule", "--cron", "0 0 3 * * *")
    assert again.exit_code == 1
    assert "other times (0 0 2 * * *)" in again.output
    assert "streetloop unschedule" in again.output
    assert len(server.schedules) == 1


def test_an_unchanged_pipeline_is_not_uploaded_again(server: KfpServer) -> None:
    assert call(server.url, "schedule", "--cron", NIGHTLY).exit_code == 0
    before = list(server.versions)
    assert call(server.url, "unschedule").exit_code == 0
    assert call(server.url, "schedule", "--cron", NIGHTLY).exit_code == 0
    assert server.versions == before
    changed = ("--set", "query.query_size=5")
    assert call(server.url, "unschedule").exit_code == 0
    assert call(server.url, "schedule", "--cron", NIGHTLY, *changed).exit_code == 0
    assert len(server.versions) == len(before) + 1
    assert len(server.pipelines) == 1


def test_schedules_lists_all_pages(server: KfpServer) -> None:
    assert "no schedule" in call(server.url, "schedules").output
    server.page_size = 1
    for name in ("one", "two"):
        assert (
            call(server.url, "schedule", "--cron", NIGHTLY, "--set", f"name={name}").exit_code == 0
        )
    lines = call(server.url, "schedules").output.splitlines()
    assert [line.split()[0] for line in lines] == ["streetloop-one", "streetloop-two"]
    assert all(f"  {NIGHTLY}  on  " in line for line in lines)


def test_unschedule_deletes_only_the_campaigns_own_schedule(server: KfpServer) -> None:
    assert call(server.url, "schedule", "--cron", NIGHTLY, "--set", "name=other").exit_code == 0
    none = call(server.url, "unschedule")
    assert none.exit_code == 1
    assert "streetloop schedules" in none.output
    assert call(server.url, "schedule", "--cron", NIGHTLY).exit_code == 0
    assert call(server.url, "unschedule").exit_code == 0
    assert [row["display_name"] for row in server.schedules] == ["streetloop-other"]


def test_an_unreachable_endpoint_is_named(server: KfpServer) -> None:
    with kfp_server() as gone:
        address = gone.url
    result = call(address, "submit")
    assert result.exit_code == 1
    assert f"Kubeflow Pipelines at {address} cannot be reached" in result.output
    assert "kubectl port-forward" in result.output


@pytest.mark.parametrize(
    ("status", "words"), [(403, "denied access"), (500, "the server says 500")]
)
def test_the_error_of_an_endpoint_is_quoted(server: KfpServer, status: int, words: str) -> None:
    # The first request, on health, is answered; only later ones fail.
    server.failing_after_health = status
    result = call(server.url, "submit")
    assert result.exit_code == 1
    assert words in result.output
    assert "Traceback" not in result.output


@pytest.mark.parametrize(
    ("drop", "words"),
    [("cluster.image=null", "cluster.image"), ("data.synthetic=null", "--data gs://")],
)
def test_submit_rejects_an_incomplete_run(server: KfpServer, drop: str, words: str) -> None:
    result = call(server.url, "submit", "--set", drop)
    assert result.exit_code == 2
    assert words in result.output
    assert server.runs == []
