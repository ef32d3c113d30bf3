"""Real campaigns, through the command as a person types it."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

STREETLOOP = str(Path(sys.executable).parent / "streetloop")
SMOKE = str(Path(__file__).parents[1] / "pipelines" / "recipes" / "smoke.yaml")


def streetloop(*arguments: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run([STREETLOOP, *arguments], cwd=cwd, capture_output=True, text=True)


def status(root: Path) -> dict[str, Any]:
    done = streetloop("status", SMOKE, "--root", str(root), "--json", cwd=root.parent)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)
