"""Compare the wall time of a local cycle with the sum of what its steps do themselves.

    python -m benchmarks.cycle [--rounds 5] [--set KEY=VALUE ...]

The steps' own work is what the cycle's report holds as its seconds. From the wall time, the time is taken
that processes of the same steps need to import the same modules and do nothing.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from benchmarks.figures import Figure, report

# Each is a process of a local cycle; open and close come first and last.
STEPS = (
    "components.cycle.open",
    "components.preprocess.step",
    "components.feedback.step",
    "components.split.step",
    "components.train.step",
    "components.evaluate.step",
    "components.query.step",
    "components.cycle.close",
)
SMALL: tuple[str, ...] = ("data.synthetic.images=100", "data.synthetic.val=20", "split.initial=16")
SMALL += ("query.query_size=8", "train.steps=60", "train.dev_every=60")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--recipe", type=Path, default=Path("pipelines/recipes/synthetic.yaml"))
    parser.add_argument("--rounds", type=int, default=5, help="cycles after a first one")
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE")
    args = parser.parse_args()
    ratios = []
    with tempfile.TemporaryDirectory(prefix="streetloop-") as folder:
        root = Path(folder) / "root"
        for number in range(1, args.rounds + 2):
            wall = _run(args, root, number)
            imports = sum(_imports(step) for step in STEPS)
            found = json.loads((root / "cycles" / str(number) / "report.json").read_text())
            print(
                f"cycle {number}: {wall:.1f} s, imports {imports:.1f} s, own {found['seconds']} s"
            )
            if number > 1:
                ratios.append((wall - imports) / found["seconds"])
    what = "wall time of a local cycle, without imports"
    report(Figure(what, "its steps' own work", tuple(ratios), 1.25, at_least=False))


def _run(args: argparse.Namespace, root: Path, cycles: int) -> float:
    """Run the next cycle by a command of its own; return its seconds."""
    command = [sys.executable, "-m", "pipelines.cli", "run", str(args.recipe), "--root", str(root)]
    for change in (*SMALL, *args.set, f"cycle.cycles={cycles}"):
        command += ["--set", change]
    started = time.perf_counter()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - started


def _imports(module: str) -> float:
    """Return the seconds of a process that imports what runs a step, and the step."""
    started = time.perf_counter()
    code = f"import kfp.dsl.executor_main, {module}"
    subprocess.run([sys.executable, "-W", "ignore", "-c", code], check=True)
    return time.perf_counter() - started


if __name__ == "__main__":
    main()
