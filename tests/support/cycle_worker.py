"""Runs one cycle through kfp.local and keeps KFP's artifacts: cycle_worker.py ROOT FOLDER KEY=VALUE…"""

from __future__ import annotations

import sys
from pathlib import Path

from components.contracts.recipe.recipe import load
from pipelines.local.runner import run_cycle, session

SMOKE = Path(__file__).parents[2] / "pipelines" / "recipes" / "smoke.yaml"


def main() -> None:
    root, folder, *changes = sys.argv[1:]
    with session(root):
        run_cycle(load(SMOKE, changes), root, Path(folder), Path(folder) / "log.txt")


if __name__ == "__main__":
    main()
