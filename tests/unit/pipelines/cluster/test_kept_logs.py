"""The logs that steps keep in the campaign root, and `streetloop logs` when the cluster has none."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from components.contracts.ledger.campaign import create_campaign
from components.contracts.ledger.lease import open_cycle
from components.contracts.ledger.ledger import Ledger
from components.contracts.recipe.recipe import Recipe
from components.contracts.storage.open import open_storage
from pipelines.cli import main
from tests.support.gcs_server import emulator, make_bucket, running_server
from tests.support.kfp_server import KfpServer, kfp_server
from tests.support.places import RECIPES, REPOSITORY

RUN = "3f2b8a52-9d0c-4c57-8d43-0c5a9f1e7b10"
STEP = """
import os, sys
from components.contracts.process.errors import StreetloopError
from components.contracts.step.context import Context, begin

begin("train")
context = Context(sys.argv[1], sys.argv[2], 1, 1)
context.keep_log("train")
print("the password is", os.environ["MLFLOW_TRACKING_PASSWORD"], os.environ["ODD"])
exec(sys.argv[3])
"""


@pytest.fixture
def root(tmp_path: Path) -> Path:
    storage = open_storage(str(tmp_path / "root"))
    create_campaign(storage, "street", {}, {})
    open_cycle(Ledger(storage), RUN, 3600)
    return tmp_path / "root"


def run_step(
    root: Path | str, home: Path, body: str, keep: str = "1"
) -> subprocess.CompletedProcess[str]:
    recipe = Recipe.model_validate(
        {"name": "street", "cluster": {"pod": {"secret_env": {"ODD": "account/odd"}}}}
    )
    return subprocess.run(
        [sys.executable, "-c", STEP, recipe.resolved(), str(root), body],
        env={
            **{k: v for k, v in os.environ.items() if k == "STORAGE_EMULATOR_HOST"},
            "PATH": "/usr/bin:/bin",
            "PYTHONPATH": str(REPOSITORY),
            "HOME": str(home),
            "MLFLOW_TRACKING_PASSWORD": "hunter22",
            "ODD": "swordfish",
            "STREETLOOP_KEEP_LOGS": keep,
        },
        capture_output=True,
        text=True,
    )


def kept(root: Path) -> str:
    return (root / "logs" / RUN / "train.log").read_text()


def test_a_step_that_fails_keeps_its_log_without_the_secrets(root: Path) -> None:
    done = run_step(root, root.parent, "raise StreetloopError('The loss is NaN.')")
    assert done.returncode == 1
    assert "hunter22 swordfish" in done.stdout
    lines = kept(root).splitlines()
    assert lines[0].endswith("INFO train begins")
    assert lines[1:] == ["the password is *** ***", "error: The loss is NaN."]


def test_the_traceback_of_an_unexpected_error_is_kept_and_the_next_attempt_follows(
    root: Path,
) -> None:
    assert run_step(root, root.parent, "raise KeyError('ours')").returncode == 1
    assert run_step(root, root.parent, "print('done')").returncode == 0
    text = kept(root)
    assert "Traceback (most recent call last):" in text
    first, second = text.split("--- another attempt ---\n")
    assert first.endswith("KeyError: 'ours'\n")
    assert second.endswith("done\n")


def test_a_fit_that_was_asked_to_stop_keeps_its_log(root: Path) -> None:
    body = "from components.train.interrupt import InterruptedFit\nraise InterruptedFit"
    assert run_step(root, root.parent, body).returncode == 128 + signal.SIGTERM
    assert "train begins" in kept(root)


def test_a_step_that_had_nothing_to_do_keeps_none(root: Path) -> None:
    """Not even what it wrote while it looked."""
    body = (
        "from components.contracts.step import kept_log\n"
        "kept_log._kept.write()\n"
        "assert context.storage.list('logs')\n"
        "kept_log.drop_log()\n"
        "print('bye')"
    )
    assert run_step(root, root.parent, body).returncode == 0
    assert open_storage(str(root)).list("logs") == []


def test_a_run_on_this_machine_keeps_none(root: Path) -> None:
    assert run_step(root, root.parent, "print('done')", keep="").returncode == 0
    assert not (root / "logs").exists()


def logs(url: str, root: Path, *more: str) -> Result:
    """`streetloop logs` on a machine that mounts the campaign's volume."""
    changes = [f"cluster.host={url}", "cluster.volume=v", f"cluster.mount={root.parent}"]
    arguments = ["logs", str(RECIPES / "smoke.yaml"), *more, "--root", str(root)]
    return CliRunner().invoke(main, [*arguments, *(w for c in changes for w in ("--set", c))])


def test_logs_falls_back_to_the_root_when_the_pod_is_gone(server: KfpServer, root: Path) -> None:
    for step, text in (("open-cycle", "open\n"), ("train", "begins\nerror: NaN.\n")):
        open_storage(str(root)).write(f"logs/{RUN}/{step}.log", text.encode())
    newest = logs(server.url, root)
    assert newest.exit_code == 0
    assert newest.stdout == "begins\nerror: NaN.\n"
    assert newest.stderr == f"train: as kept in {root}/logs/{RUN}\n"
    assert logs(server.url, root, "open-cycle", "--run", RUN).stdout == "open\n"
    assert logs(server.url, root, "--run", "another").exit_code == 1


def test_each_part_of_the_pool_has_a_log_and_comes_before_the_query(
    server: KfpServer, root: Path
) -> None:
    for step in ("look-1", "look-2", "query", "train"):
        open_storage(str(root)).write(f"logs/{RUN}/{step}.log", f"{step}\n".encode())
    assert logs(server.url, root, "look-2").stdout == "look-2\n"
    assert logs(server.url, root).stdout == "query\n"


def test_logs_falls_back_to_the_root_without_an_endpoint(root: Path) -> None:
    with kfp_server() as gone:
        address = gone.url
    missing = logs(address, root, "query")
    assert missing.exit_code == 1
    assert "cannot be reached" in missing.output
    assert f"There is no copy in {root}/logs either." in " ".join(missing.output.split())
    open_storage(str(root)).write(f"logs/{RUN}/query.log", b"asked\n")
    assert logs(address, root, "query").stdout == "asked\n"


def test_the_last_lines_reach_a_bucket_too(tmp_path: Path) -> None:
    """They are written while the interpreter shuts down."""
    with running_server() as url, emulator(url):
        make_bucket(url, "campaigns")
        storage = open_storage("gs://campaigns/one")
        create_campaign(storage, "street", {}, {})
        open_cycle(Ledger(storage), RUN, 3600)
        done = run_step("gs://campaigns/one", tmp_path, "raise StreetloopError('The loss is NaN.')")
        assert done.returncode == 1
        text = storage.read(f"logs/{RUN}/train.log").decode()
    assert text.endswith("error: The loss is NaN.\n")
