"""Run the benchmarks, and write what they found to docs/benchmarks.md and docs/images/benchmarks.png.

    python -m benchmarks.run [NAME ...] [--skip NAME ...]

Each benchmark is a module of this folder, a process of its own, and reports its figures to a file. With
names, only those run, and the page is not written.
"""

from __future__ import annotations

import argparse
import os
import platform
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from benchmarks.figures import FILE, Figure, read_figures
from components.contracts.process.cpus import usable_cpus

DOCS = Path(__file__).parents[1] / "docs"
NAMES = (
    *("preprocess", "scoring", "rle", "ledger", "pool", "waiting", "photos"),
    *("selection", "cycle", "memory"),
)
# label-studio-sdk pins other versions than ours, so its peer has an environment of its own.
LABEL_STUDIO = Path(".venv-label-studio/bin/python")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("names", nargs="*", metavar="NAME", help=", ".join(NAMES))
    parser.add_argument("--skip", action="append", default=[], metavar="NAME")
    args = parser.parse_args()
    names, skipped = args.names, args.skip
    if unknown := {*names, *skipped} - set(NAMES):
        parser.error(f"Unknown benchmark {unknown.pop()!r}. Choose from {', '.join(NAMES)}.")
    before, began = os.getloadavg(), datetime.now(UTC)
    with tempfile.TemporaryDirectory(prefix="streetloop-") as folder:
        file = Path(folder) / "figures"
        file.touch()
        failed = [name for name in names or NAMES if name not in skipped and not _run(name, file)]
        figures = read_figures(file)
    if not names:
        machine = _machine(began, before, os.getloadavg())
        (DOCS / "benchmarks.md").write_text(page(figures, machine, failed, skipped))
        draw(figures, DOCS / "images" / "benchmarks.png")
    return int(bool(failed))


def _run(name: str, file: Path) -> bool:
    print(f"== {name}", flush=True)
    python = str(LABEL_STUDIO) if name == "rle" and LABEL_STUDIO.exists() else sys.executable
    root = str(Path(__file__).parents[1])
    environment = {**os.environ, FILE: str(file), "PYTHONPATH": root, "TF_CPP_MIN_LOG_LEVEL": "2"}
    command = [python, "-W", "ignore", "-m", f"benchmarks.{name}"]
    return subprocess.run(command, env=environment, check=False).returncode == 0


def _machine(began: datetime, before: Sequence[float], after: Sequence[float]) -> str:
    """Describe the machine, and how busy it was."""
    cpus = Path("/proc/cpuinfo").read_text().splitlines() if Path("/proc/cpuinfo").exists() else []
    model = next((x.split(": ")[1] for x in cpus if x.startswith("model name")), platform.machine())
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    cores = usable_cpus()
    quiet = max(before[0], after[0]) < cores
    busy = "It was quiet." if quiet else "It was busy with other work, which makes figures vary."
    return (
        f"{began:%Y-%m-%d %H:%M} UTC, {model}, {cores} processors, {memory:.0f} GiB, Python "
        f"{platform.python_version()}. Load average {before[0]:.1f} at the start, {after[0]:.1f} at the "
        f"end. {busy}"
    )


def page(
    figures: Sequence[Figure], machine: str, failed: Sequence[str], skipped: Sequence[str]
) -> str:
    """Return the page in Markdown."""
    rows = []
    for f in figures:
        spread = f"{min(f.values):.3g} to {max(f.values):.3g}, {len(f.values)} rounds"
        spread = spread if len(f.values) > 1 else "one round"
        target = f"{'at least' if f.at_least else 'at most'} {f.target:g}"
        met = "yes" if f.met else "**no**"
        rows.append(
            f"| {f.what} | {f.against} | {f.median:.3g} {f.unit} | {spread} | {target} | {met} |"
        )
    missing = f"These failed: {', '.join(failed)}.\n\n" if failed else ""
    missing += f"Not run this time: {', '.join(skipped)}.\n\n" if skipped else ""
    return f"""# Benchmarks

`make bench` measures Streetloop against peers and limits, and writes this page. "Times" is how many times as
fast as the peer Streetloop is. Each figure is the median over rounds in which both took turns, after one
round that warms up. Ratios are comparable between machines; seconds are not. [Results](results.md) has
further measurements.

{machine}

{missing}| what | against | median | spread | wanted | met |
|---|---|---|---|---|---|
{chr(10).join(rows)}

![Each figure as a share of what is wanted](images/benchmarks.png)

`python -m benchmarks.run NAME` runs one of them: {", ".join(NAMES)}. Not measured: the data set builder of TensorFlow
Datasets, which needs the original Cityscapes archives, and the training step in PyTorch, which is no dependency.
"""


def draw(figures: Sequence[Figure], path: Path) -> None:
    """Draw each figure as a share of what is wanted: beyond the line is good."""
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    _, axes = plt.subplots(figsize=(9, 0.42 * len(figures) + 1), layout="constrained")
    for place, figure in enumerate(reversed(figures)):
        values = [max(value, 1e-3) for value in figure.values]
        shares = [v / figure.target if figure.at_least else figure.target / v for v in values]
        shares = [min(share, 100) for share in shares]
        middle = sorted(shares)[len(shares) // 2]
        axes.plot([min(shares), max(shares)], [place, place], color="0.6")
        axes.plot(middle, place, "o", color="tab:green" if figure.met else "tab:red")
    axes.axvline(1, color="0.3", linewidth=1)
    axes.set_xscale("log")
    axes.set_yticks(range(len(figures)), [f.what for f in reversed(figures)], fontsize=8)
    axes.set_xlabel("share of what is wanted (log scale); bars span the rounds")
    plt.savefig(path, dpi=110)


if __name__ == "__main__":
    sys.exit(main())
