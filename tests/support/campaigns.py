"""Real campaigns, through the command as a person types it."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from components.contracts.ledger.ledger import Ledger
from components.contracts.ledger.state import State
from components.contracts.storage.open import open_storage
from tests.support.waiting import PATIENCE, finished

STREETLOOP = str(Path(sys.executable).parent / "streetloop")
SMOKE = str(Path(__file__).parents[2] / "pipelines" / "recipes" / "smoke.yaml")


def streetloop(*arguments: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    return finished([STREETLOOP, *arguments], cwd=cwd)


def status(root: Path) -> dict[str, Any]:
    done = streetloop("status", SMOKE, "--root", str(root), "--json", cwd=root.parent)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def state_of(root: Path | str) -> State:
    """The state of a campaign."""
    return Ledger(open_storage(str(root))).state()


def models_of(root: Path | str) -> list[str]:
    """The ids of the models that the cycles trained, which hash configuration and weights."""
    storage = open_storage(str(root))
    cycles = sorted(state_of(root).cycles)
    return [json.loads(storage.read(f"cycles/{n}/report.json"))["model"] for n in cycles]


def step_processes(root: Path | str, step: str = "") -> list[int]:
    """The processes that work on a campaign's steps, or on one step; the template is among them.

    A step's own process names the campaign's root and the step in its command line. A fork has the
    command line of the template, which names the root, and bears the step's name.
    """
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdecimal():
            try:
                line = (entry / "cmdline").read_bytes().decode(errors="replace")
                names = {*line.split("\0"), (entry / "comm").read_text().strip()}
            except OSError:
                continue
            at_work = {"kfp.dsl.executor_main", "pipelines.local.template"} & names
            if str(root) in line and at_work and (not step or step in names):
                found.append(int(entry.name))
    return [pid for pid in found if _alive(pid)]


def wait_for_no_steps(root: Path | str, seconds: float = PATIENCE) -> None:
    """Fails if a step outlives its killed command for longer than this, on a machine however slow."""
    deadline = time.monotonic() + seconds
    while left := step_processes(root):
        assert time.monotonic() < deadline, f"steps outlived the killed command: {left}"
        time.sleep(0.1)


def _alive(pid: int) -> bool:
    try:
        return "\nState:\tZ" not in Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return False
