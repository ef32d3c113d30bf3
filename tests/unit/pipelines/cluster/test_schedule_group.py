"""The `schedule` group: the real kfp.Client against a small server."""

from __future__ import annotations

import pytest
from click.testing import CliRunner, Result

from pipelines.cli import main
from tests.support.compiled import MLFLOW
from tests.support.kfp_server import KfpServer
from tests.support.places import RECIPES


def call(server: KfpServer, command: str, *more: str) -> Result:
    arguments = [
        "schedule",
        command,
        str(RECIPES / "smoke.yaml"),
        *more,
        "--root",
        "gs://bucket/one",
    ]
    arguments += ["--set", f"cluster.host={server.url}", "--set", "cluster.image=streetloop:1"]
    arguments += ["--set", MLFLOW]
    return CliRunner().invoke(main, arguments)


def test_create_says_in_words_when_it_fires(server: KfpServer) -> None:
    result = call(server, "create", "--cron", "0 2 * * *")
    assert result.exit_code == 0, result.output
    first, words, *times = result.output.splitlines()
    assert first.startswith("Scheduled recurring_run-1, one cycle at a time: ")
    assert words == "It fires at 02:00, every day (UTC)."
    assert len(times) == 3
    assert all(line.endswith(" 02:00:00 UTC") for line in times)
    assert server.schedules[0]["trigger"]["cron_schedule"]["cron"] == "0 0 2 * * *"


def test_create_is_idempotent(server: KfpServer) -> None:
    assert call(server, "create", "--cron", "0 2 * * *").exit_code == 0
    before = list(server.schedules)
    again = call(server, "create", "--cron", "0 0 2 * * *")
    assert again.exit_code == 0, again.output
    assert again.output.startswith("Unchanged: recurring_run-1")
    assert server.schedules == before
    other = call(server, "create", "--cron", "0 2 * * *", "--set", "query.query_size=5")
    assert other.exit_code == 1
    assert "another recipe, root or service account" in other.output
    assert server.schedules == before


def test_names_that_differ_in_their_dashes_are_two_campaigns(server: KfpServer) -> None:
    names = ("name=night-rain", "name=night_rain")
    for name in names:
        result = call(server, "create", "--cron", "0 2 * * *", "--set", name)
        assert result.exit_code == 0, result.output
    assert len(server.schedules) == len(server.pipelines) == 2
    for name in names:  # each finds its own again
        again = call(server, "create", "--cron", "0 2 * * *", "--set", name)
        assert again.output.startswith("Unchanged")
    assert call(server, "delete", "--set", names[0]).exit_code == 0
    assert [row["display_name"] for row in server.schedules] == ["streetloop-night-rain-702855"]


def test_replace_creates_the_new_schedule_before_the_old_one_goes(server: KfpServer) -> None:
    assert call(server, "create", "--cron", "0 2 * * *").exit_code == 0
    server.calls.clear()
    result = call(server, "create", "--cron", "0 3 * * *", "--replace")
    assert result.exit_code == 0, result.output
    assert result.output.startswith("Replaced the schedule: recurring_run-2")
    changes = [call for call in server.calls if call[0] != "GET" and "recurringruns" in call[1]]
    assert changes == [("POST", "/recurringruns"), ("DELETE", "/recurringruns/recurring_run-1")]
    (left,) = server.schedules
    assert left["trigger"]["cron_schedule"]["cron"] == "0 0 3 * * *"


def test_a_replacement_that_was_interrupted_is_finished(server: KfpServer) -> None:
    assert call(server, "create", "--cron", "0 2 * * *").exit_code == 0
    assert call(server, "create", "--cron", "0 3 * * *", "--replace").exit_code == 0
    new = server.schedules[0]
    old = {
        **new,
        "recurring_run_id": "old-1",
        "trigger": {"cron_schedule": {"cron": "0 0 2 * * *"}},
    }
    server.schedules.append(old)
    result = call(server, "create", "--cron", "0 3 * * *", "--replace")
    assert result.exit_code == 0, result.output
    assert server.schedules == [new]


def test_an_interval_is_a_trigger_too(server: KfpServer) -> None:
    result = call(server, "create", "--interval", "6h")
    assert result.exit_code == 0, result.output
    assert "It fires every 6 hours.\n" in result.output
    trigger = server.schedules[0]["trigger"]
    assert int(trigger["periodic_schedule"]["interval_second"]) == 21600
    assert "every 6 hours  on  recurring_run-1" in call(server, "list").output
    assert call(server, "create", "--interval", "6h").output.startswith("Unchanged")


@pytest.mark.parametrize("more", [(), ("--cron", "0 2 * * *", "--interval", "6h")])
def test_create_wants_one_trigger(server: KfpServer, more: tuple[str, ...]) -> None:
    result = call(server, "create", *more)
    assert result.exit_code == 2
    assert "Give one of --cron and --interval." in result.output


def test_pause_resume_and_delete(server: KfpServer) -> None:
    assert call(server, "pause").exit_code == 1
    assert call(server, "create", "--cron", "0 2 * * *").exit_code == 0
    assert call(server, "pause").output.startswith("Paused schedule streetloop-smoke")
    assert "  off  " in call(server, "list").output
    assert "schedule resume" in call(server, "create", "--cron", "0 2 * * *").output
    assert call(server, "resume").output.startswith("Resumed schedule streetloop-smoke")
    assert "  on  " in call(server, "list").output
    assert call(server, "delete").output.startswith("Deleted schedule streetloop-smoke")
    assert server.schedules == []


def test_looking_creates_no_experiment(server: KfpServer) -> None:
    assert "There is no schedule" in call(server, "list").output
    assert server.experiments == []


def test_the_first_upload_asks_for_the_pipeline_once(server: KfpServer) -> None:
    assert call(server, "create", "--cron", "0 2 * * *").exit_code == 0
    assert server.calls.count(("GET", "/pipelines")) == 1
