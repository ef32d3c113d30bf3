"""submit --wait and --dry-run, runs and logs: the real kfp.Client against a small server."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator
from typing import Any

import pytest
import yaml
from click.testing import CliRunner, Result

from pipelines.cli import main
from pipelines.cluster import follow as following
from tests.support.compiled import MLFLOW
from tests.support.kfp_server import KfpServer, kfp_server
from tests.support.places import RECIPES

ROOT = "gs://bucket/campaigns/one"
TRACEBACK = """2026-01-02 train begins
Traceback (most recent call last):
  File "step.py", line 3, in run
components.contracts.process.errors.StreetloopError: The loss is NaN at step 7.
"""


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[KfpServer]:
    monkeypatch.delenv("KF_PIPELINES_ENDPOINT", raising=False)
    monkeypatch.setattr(following, "_POLL_SECONDS", 0.01)
    monkeypatch.setattr(following.time, "sleep", lambda seconds: None)
    with kfp_server() as running:
        yield running


def call(host: str, command: str, *more: str, root: str = ROOT) -> Result:
    arguments = [command, str(RECIPES / "smoke.yaml"), *more, "--root", root]
    arguments += ["--set", f"cluster.host={host}", "--set", "cluster.image=example/streetloop:1"]
    arguments += ["--set", MLFLOW]
    return CliRunner().invoke(main, arguments)


def step(name: str, state: str, minute: int, pod: str, attempts: int = 1) -> list[dict[str, Any]]:
    """The nodes of a step, as the backend reports them: its driver, itself and its attempts."""
    start, end = f"2026-01-02T03:{minute:02}:00Z", f"2026-01-02T03:{minute + 1:02}:05Z"
    times = {"start_time": start, **({"end_time": end} if state != "RUNNING" else {})}
    pods = [f"{pod}-{number}" for number in range(attempts)]
    tasks = [
        {"task_id": f"{name}-driver", "display_name": f"{name}-driver", "state": "SUCCEEDED"},
        {
            "task_id": name,
            "display_name": name,
            "state": state,
            "child_tasks": [{"pod_name": pods[0]}],
            **times,
        },
    ]
    for number, one in enumerate(pods):
        # What follows an attempt is its child too: the next attempt here, the next step elsewhere.
        following_one = [{"pod_name": pods[number + 1]}] if number + 1 < attempts else []
        tasks.append(
            {
                "task_id": one,
                "pod_name": one,
                "display_name": f"executor({number})" if attempts > 1 else "executor",
                "state": state if number == attempts - 1 else "FAILED",
                "child_tasks": following_one,
                "start_time": f"2026-01-02T03:{minute:02}:{number:02}Z",
            }
        )
    return tasks


def look(state: str, *steps: list[dict[str, Any]], **more: Any) -> dict[str, Any]:
    return {"state": state, "run_details": {"task_details": [*itertools.chain(*steps)]}, **more}


def test_wait_follows_the_steps_to_the_end(server: KfpServer) -> None:
    opened = step("open-cycle", "SUCCEEDED", 0, "a")
    server.script = [
        look("PENDING"),
        look("RUNNING", step("open-cycle", "RUNNING", 0, "a")),
        look("RUNNING", opened, step("preprocess", "RUNNING", 2, "b")),
        look("SUCCEEDED", opened, step("preprocess", "SUCCEEDED", 2, "b")),
    ]
    result = call(server.url, "submit", "--wait")
    assert result.exit_code == 0, result.output
    assert result.output.splitlines()[1:] == [
        "  open-cycle  running",
        "  open-cycle  done in 1 min 05 s",
        "  preprocess  running",
        "  preprocess  done in 1 min 05 s",
        "Run run-1 succeeded.",
    ]


def test_wait_says_once_what_each_of_several_tasks_of_a_step_does(server: KfpServer) -> None:
    first, second = (step("look", "SUCCEEDED", n, f"l{n}") for n in (0, 1))
    server.script = [
        look("RUNNING", step("look", "RUNNING", 0, "l0"), step("look", "RUNNING", 1, "l1")),
        look("RUNNING", first, step("look", "RUNNING", 1, "l1")),
        look("RUNNING", first, step("look", "RUNNING", 1, "l1")),
        look("SUCCEEDED", first, second),
    ]
    lines = call(server.url, "submit", "--wait").output.splitlines()[1:]
    done = "  look        done in 1 min 05 s"
    assert lines[:-1] == ["  look        running"] * 2 + [done] * 2


@pytest.mark.parametrize("serves_ui", [True, False])
def test_wait_prints_the_failed_steps_own_message(server: KfpServer, serves_ui: bool) -> None:
    server.serves_ui = serves_ui
    server.logs = {"t-0": "StreetloopError: an earlier attempt\n", "t-1": TRACEBACK}
    train, closed = step("train", "FAILED", 2, "t", 2), step("close-cycle", "SUCCEEDED", 5, "c")
    server.script = [look("FAILED", train, closed, error={"code": 2, "message": "exit-handler-1"})]
    result = call(server.url, "submit", "--wait")
    assert result.exit_code == 1
    assert "Run run-1 failed in train: The loss is NaN at step 7.\n" in result.output
    assert "earlier attempt" not in result.output
    assert "Traceback" not in result.output


def test_without_a_log_kubeflows_message_is_printed(server: KfpServer) -> None:
    train = step("train", "FAILED", 2, "t")
    train[-1]["error"] = {"code": 9, "message": "OOMKilled  (exit\ncode 137)"}
    server.script = [look("FAILED", train)]
    result = call(server.url, "submit", "--wait")
    assert result.exit_code == 1
    assert "failed in train: OOMKilled (exit code 137)" in result.output


def test_a_terminated_run_is_no_success(server: KfpServer) -> None:
    server.script = [look("CANCELED", step("train", "CANCELED", 2, "t"))]
    result = call(server.url, "submit", "--wait")
    assert result.exit_code == 1
    assert "did not succeed: Kubeflow Pipelines reports CANCELED" in result.output


def test_a_skipped_run_says_which_run_holds_the_cycle(server: KfpServer) -> None:
    server.logs = {"a-0": "x WARNING skipped: run b2f0 holds it. Run 'b2f0' holds cycle 3.\n"}
    server.script = [look("SUCCEEDED", step("open-cycle", "SUCCEEDED", 0, "a"))]
    result = call(server.url, "submit", "--wait")
    assert result.exit_code == 0
    assert result.output.splitlines()[-1].startswith("skipped: run b2f0 holds it.")


def test_wait_survives_an_endpoint_that_is_away_for_a_while(
    server: KfpServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    def sleep(seconds: float) -> None:
        server.failing_after_health = None if server.failing_after_health else 503

    monkeypatch.setattr(following.time, "sleep", sleep)
    server.script = [look("RUNNING"), look("SUCCEEDED")]
    result = call(server.url, "submit", "--wait")
    assert result.exit_code == 0, result.output
    assert result.output.count("waiting for the endpoint") == 1


def test_wait_gives_up_on_an_endpoint_that_stays_away(
    server: KfpServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = [0.0]

    def sleep(seconds: float) -> None:
        clock[0] += 200
        server.failing_after_health = 503

    monkeypatch.setattr(following.time, "sleep", sleep)
    monkeypatch.setattr(following.time, "monotonic", lambda: clock[0])
    server.script = [look("RUNNING")]
    result = call(server.url, "submit", "--wait")
    assert result.exit_code == 1
    assert "Run run-1 continues." in result.output


@pytest.mark.parametrize(
    ("after", "words"),
    [
        ({"login_page": True}, "answers with a web page"),
        ({"accepts": "another cookie"}, "does not know who asks (401)"),
    ],
)
def test_wait_ends_when_the_login_expires_and_says_that_the_run_continues(
    server: KfpServer, monkeypatch: pytest.MonkeyPatch, after: dict[str, Any], words: str
) -> None:
    sleeps = 0

    def sleep(seconds: float) -> None:
        nonlocal sleeps
        sleeps += 1
        assert sleeps < 20, "it waits for ever"
        if sleeps == 2:
            for name, value in after.items():
                setattr(server, name, value)

    monkeypatch.setattr(following.time, "sleep", sleep)
    server.script = [look("RUNNING")]
    result = call(server.url, "submit", "--wait")
    assert (result.exit_code, sleeps) == (1, 2)
    assert "Run run-1 continues on the cluster, but cannot be followed. " in result.output
    assert words in result.output


def test_dry_run_prints_the_pipeline_and_sends_nothing(server: KfpServer) -> None:
    result = call(server.url, "submit", "--dry-run")
    assert result.exit_code == 0, result.output
    assert f"# endpoint: {server.url}\n" in result.output
    assert "# image: example/streetloop:1\n" in result.output
    pipeline, _platform = yaml.safe_load_all(result.output)
    parameters = pipeline["root"]["inputDefinitions"]["parameters"]
    assert parameters["root"]["defaultValue"] == ROOT
    assert server.runs == server.experiments == []


def test_runs_lists_the_campaigns_own_with_state_and_link(server: KfpServer) -> None:
    assert "has no run" in call(server.url, "runs").output
    assert call(server.url, "schedule", "--cron", "0 0 2 * * *").exit_code == 0
    assert call(server.url, "submit").exit_code == 0
    assert call(server.url, "submit", "--set", "name=other").exit_code == 0
    assert call(server.url, "submit", "--set", "name=smoke-2").exit_code == 0
    ours, *_ = server.runs
    ours["state"] = "SUCCEEDED"
    firing = {
        "display_name": "Run of streetloop-smoke",
        "run_id": "fired",
        "recurring_run_id": "recurring_run-1",
        "pipeline_version_reference": server.schedules[0]["pipeline_version_reference"],
        "experiment_id": ours["experiment_id"],
        "state": "RUNNING",
    }
    server.runs.append(firing)
    lines = call(server.url, "runs").output.splitlines()
    assert [re.split(r"\s{2,}", line)[-4:] for line in lines] == [
        ["scheduled", firing["display_name"], "fired", f"{server.url}/#/runs/details/fired"],
        ["submitted", ours["display_name"], "run-1", f"{server.url}/#/runs/details/run-1"],
    ]
    assert lines[1].startswith("2026-01-02 03:04 UTC  SUCCEEDED  submitted  ")
    assert len(call(server.url, "runs", "--limit", "1").output.splitlines()) == 1


def logs(host: str, *more: str) -> Result:
    """The command for a campaign on a volume that this machine does not see."""
    return call(host, "logs", "--set", "cluster.volume=v", *more, root="/campaigns/one")


def test_logs_prints_the_failed_step_or_the_one_named(server: KfpServer) -> None:
    assert "has no run" in logs(server.url).output
    assert call(server.url, "submit").exit_code == 0
    opened, train = step("open-cycle", "SUCCEEDED", 0, "a"), step("train", "FAILED", 2, "t")
    server.runs[0].update(look("FAILED", opened, train, step("close-cycle", "SUCCEEDED", 5, "c")))
    server.logs = {"a-0": "cycle 1 is open\n", "t-0": TRACEBACK}
    assert logs(server.url).stdout == TRACEBACK
    assert logs(server.url, "open-cycle").stdout == "cycle 1 is open\n"
    missing = logs(server.url, "evaluate")
    assert missing.exit_code == 1
    assert "It has: open-cycle, train, close-cycle." in missing.output
    gone = logs(server.url, "close-cycle")
    assert gone.exit_code == 1
    assert "kubectl logs -n kubeflow c-0 -c main" in gone.output


@pytest.mark.parametrize(
    "words", ["nothing new: still waiting for labels of 2 images.", "complete: campaign street."]
)
def test_a_run_that_opened_no_cycle_ends_with_its_reason(server: KfpServer, words: str) -> None:
    server.logs = {"a-0": f"2026-01-02 03:00:05 INFO {words}\nbye\n"}
    server.script = [look("SUCCEEDED", step("open-cycle", "SUCCEEDED", 0, "a"))]
    result = call(server.url, "submit", "--wait")
    assert result.exit_code == 0
    assert result.output.splitlines()[-1] == words


def test_waiting_connects_once(server: KfpServer) -> None:
    running = look("RUNNING", step("open-cycle", "RUNNING", 0, "a"))
    server.script = [running, running, running, look("SUCCEEDED")]
    assert call(server.url, "submit", "--wait").exit_code == 0
    assert server.calls.count(("GET", "/runs/run-1")) == 4
    # One connection for the submission, and one for the four looks: kfp asks, and so do we.
    assert server.calls.count(("GET", "/healthz")) == 2 + 2
