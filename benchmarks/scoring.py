"""Compare folder scoring with cityscapesScripts, in pairs per second, on generated 2048x1024 pairs.

    python -m benchmarks.scoring [--pairs 8] [--objects 20] [--rounds 5]

Each scorer is one process and reads the same files from the file cache. The figures are medians over the
rounds (processor time with one thread, else wall time); the table shows the best ones. The official
script runs its pure-Python path (its wheel has no Cython extension), with `np.in1d`, which NumPy 2.4
removed, replaced by the equivalent `np.isin`. It uses one core. Ours is measured with one thread, and
with one thread per core, which is the default.

Fine annotations contain about 19 objects per image (Cordts et al., 2016), hence the default.
"""

from __future__ import annotations

import argparse
import os
import platform
import subprocess
import sys
import tempfile
from pathlib import Path

import cv2
import numpy as np
from PIL import Image

from benchmarks.figures import Figure, report, speedups

HEIGHT, WIDTH = 1024, 2048

_OFFICIAL = """
import glob, sys, time
import numpy as np
if not hasattr(np, "in1d"):
    np.in1d = np.isin
from cityscapesscripts.evaluation import evalPixelLevelSemanticLabeling as script
assert not script.CSUPPORT
script.args.quiet, script.args.JSONOutput = True, False
script.args.predictionPath = sys.argv[1]
truth = sorted(glob.glob(sys.argv[2] + "/*_labelIds.png"))
for _ in range(int(sys.argv[3])):
    start, busy = time.perf_counter(), time.process_time()
    predictions = [script.getPrediction(script.args, file) for file in truth]
    result = script.evaluateImgLists(predictions, truth, script.args)
    print(time.perf_counter() - start, time.process_time() - busy,
          result["averageScoreClasses"], result["averageScoreInstClasses"])
"""

# What ours does before it counts anything: decode the three files of a pair.
_READING = """
import sys, time
from pathlib import Path
from components.evaluate.benchmark import compiled
from components.evaluate.benchmark.id_files import read_ids
compiled.keep_freed_memory()
for _ in range(int(sys.argv[3])):
    start, busy = time.perf_counter(), time.process_time()
    for folder in sys.argv[1:3]:
        for path in Path(folder).iterdir():
            read_ids(path)
    print(time.perf_counter() - start, time.process_time() - busy)
"""

# `python -m components.evaluate` without the start of Python, which the time of the official script
# does not include either.
_OURS = """
import contextlib, json, os, sys, time
from components.evaluate.__main__ import main
report = os.path.join(sys.argv[1], "..", "report.json")
words = ["--predictions", sys.argv[1], "--ground-truth", sys.argv[2], "--output", report]
for _ in range(int(sys.argv[3])):
    start, busy = time.perf_counter(), time.process_time()
    with contextlib.redirect_stdout(None):
        assert main([*words, "--workers", sys.argv[4]]) == 0
    seconds = time.perf_counter() - start, time.process_time() - busy
    with open(report) as file:
        scores = json.load(file)
    print(*seconds, scores["miou"], scores["iiou"])
"""


def street(rng: np.random.Generator, objects: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return a smooth street scene: label ids, instance ids, and the scene warped as a prediction."""
    columns, rows = np.arange(WIDTH), np.arange(HEIGHT)[:, None]
    labels = np.full((HEIGHT, WIDTH), 23, np.uint8)
    for label, base, swing in ((11, 250, 120), (21, 420, 80), (8, 560, 30), (7, 600, 25)):
        waves = (
            np.sin(columns / WIDTH * 2 * np.pi * times + rng.uniform(0, 6)) / times
            for times in (1, 2, 3, 5, 9, 17)
        )
        labels[rows > base + swing * sum(waves)] = label
    labels[960:] = 1  # the ego vehicle
    for _ in range(40):
        x, y = int(rng.integers(0, WIDTH)), int(rng.integers(200, 600))
        corner = (x + int(rng.integers(4, 14)), y + int(rng.integers(50, 300)))
        cv2.rectangle(labels, (x, y), corner, 17, -1)
        cv2.circle(labels, (x, y), int(rng.integers(8, 30)), int(rng.choice([19, 20])), -1)
    instances = labels.astype(np.uint16)
    angles = np.linspace(0, 2 * np.pi, 60)
    for number in range(objects):
        label = int(rng.choice([24, 24, 25, 26, 26, 26, 27, 33]))
        x, y, radius = rng.integers((0, 450, 10), (WIDTH, 750, 90))
        bumps = radius * (1 + 0.15 * np.sin(5 * angles + rng.uniform(0, 6)))
        outline = np.stack([x + bumps * np.cos(angles), y + 0.8 * bumps * np.sin(angles)], axis=1)
        cv2.fillPoly(labels, [outline.astype(np.int32)], label)
        cv2.fillPoly(instances, [outline.astype(np.int32)], label * 1000 + number)
    shift = cv2.resize(rng.normal(0, 6, (32, 64, 2)).astype(np.float32), (WIDTH, HEIGHT))
    grid = np.stack(np.meshgrid(columns, rows), axis=-1).astype(np.float32)
    prediction = cv2.remap(
        labels, grid + shift, None, cv2.INTER_NEAREST, borderMode=cv2.BORDER_REPLICATE
    )
    return labels, instances, prediction


def _write(path: Path, ids: np.ndarray, writer: str) -> None:
    if writer == "Pillow":
        Image.fromarray(ids).save(path)
    else:
        cv2.imwrite(str(path), ids)


def write_pairs(root: Path, pairs: int, objects: int, seed: int, writer: str) -> None:
    """Write `truth/` and `out/` below `root`."""
    rng = np.random.default_rng(seed)
    (root / "truth").mkdir(parents=True)
    (root / "out").mkdir()
    for number in range(pairs):
        stem = f"ulm_{number:06d}_000019"
        labels, instances, prediction = street(rng, objects)
        _write(root / "truth" / f"{stem}_gtFine_labelIds.png", labels, writer)
        _write(root / "truth" / f"{stem}_gtFine_instanceIds.png", instances, writer)
        _write(root / "out" / f"{stem}_leftImg8bit.png", prediction, writer)


def measure(
    code: str, root: Path, rounds: int, *arguments: int
) -> tuple[list[float], list[float], list[float]]:
    """Return seconds and CPU seconds of the rounds that `code` prints, and its scores."""
    command = [sys.executable, "-W", "ignore", "-c", code, str(root / "out"), str(root / "truth")]
    paths = [str(Path(__file__).resolve().parents[1]), os.environ.get("PYTHONPATH", "")]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, paths))}
    done = subprocess.run(
        [*command, str(rounds + 1), *map(str, arguments)],
        stdout=subprocess.PIPE,
        text=True,
        check=True,
        env=environment,
    )
    rows = [[float(value) for value in line.split()] for line in done.stdout.splitlines()]
    rows = rows[1:]  # the first warms up
    return [row[0] for row in rows], [row[1] for row in rows], rows[0][2:]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--pairs", type=int, default=8)
    parser.add_argument("--objects", type=int, default=20, help="instances per image")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    cores = len(os.sched_getaffinity(0))
    load = os.getloadavg()[0]
    print(
        f"{args.pairs} pairs of {WIDTH}x{HEIGHT}, {args.objects} objects each; {cores} cores "
        f"(load {load:.1f}), NumPy {np.__version__}, OpenCV {cv2.__version__}, "
        f"Python {platform.python_version()}"
    )
    with tempfile.TemporaryDirectory() as folder:
        for writer in ("OpenCV", "Pillow"):
            root = Path(folder) / writer
            write_pairs(root, args.pairs, args.objects, args.seed, writer)
            if not compare(root, args, f"files of {writer}"):
                return 1
    print("The scores are equal to 1e-9.")
    return 0


def compare(root: Path, args: argparse.Namespace, title: str) -> bool:
    """Print one table; return false if the scores differ."""
    official, official_busy, expected = measure(_OFFICIAL, root, args.rounds)
    rows = [("official script, pure Python", official, official_busy)]
    rows.append(("reading the files alone", *measure(_READING, root, args.rounds)[:2]))
    for workers in sorted({1, len(os.sched_getaffinity(0))}):
        ours, busy, scores = measure(_OURS, root, args.rounds, workers)
        if np.abs(np.subtract(scores, expected)).max() > 1e-9:
            print(f"The scores differ: {scores}, official {expected}.", file=sys.stderr)
            return False
        threads = f"{workers} thread{'s' * (workers > 1)}"
        rows.append((f"ours, {threads}", ours, busy))
        values = speedups(official, ours) if workers > 1 else speedups(official_busy, busy)
        what = f"scoring {title} of 2048x1024, {threads}"
        report(Figure(what, "cityscapesScripts in pure Python", values, 10))
    print(f"{title:<30}{'pairs/s':>9}{'ratio':>8}{'CPU ms/pair':>13}{'ratio':>8}")
    for name, seconds, busy in rows:
        print(
            f"{name:<30}{args.pairs / min(seconds):9.1f}{min(official) / min(seconds):8.1f}"
            f"{1000 * min(busy) / args.pairs:13.1f}{min(official_busy) / min(busy):8.1f}"
        )
    return True


if __name__ == "__main__":
    sys.exit(main())
