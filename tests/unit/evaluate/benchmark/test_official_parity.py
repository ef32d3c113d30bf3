"""Our folder scores beside cityscapesScripts itself, on the same files."""

import json
import math
import subprocess
import sys

import cv2
import numpy as np
import pytest
from PIL import Image

from components.evaluate.__main__ import main
from components.evaluate.benchmark import compiled
from components.evaluate.benchmark.tables import AVERAGE_INSTANCE_SIZE

# Its own process: the script keeps global state, warns, and exits on errors. It uses `np.in1d`,
# which NumPy 2.4 removed in favour of the equal `np.isin`.
_OFFICIAL = """
import json, sys
import numpy as np
np.in1d = np.isin
from cityscapesscripts.evaluation import evalPixelLevelSemanticLabeling as script
jobs = json.load(sys.stdin)
script.args.quiet = True
script.args.JSONOutput = False
out = {"sizes": script.args.avgClassSize, "results": []}
for job in jobs:
    script.args.evalInstLevelScore = job["instances"]
    result = script.evaluateImgLists(job["predictions"], job["truth"], script.args)
    out["results"].append({key: result[key] for key in result if "cores" in key or "Score" in key})
print("RESULT" + json.dumps(out))
"""

_STUFF = [0, 1, 3, 4, 6, 7, 8, 9, 11, 12, 13, 14, 17, 18, 19, 20, 21, 22, 23]
_THINGS = [24, 25, 26, 27, 28, 29, 30, 31, 32, 33]


def _scene(rng, stuff, things, size=(48, 96)):
    """Rectangles of stuff, ellipses of things: label ids and instance ids."""
    height, width = size
    labels = np.full(size, rng.choice(stuff), np.uint8)
    for _ in range(12):
        x, y = rng.integers(0, width), rng.integers(0, height)
        labels[y : y + rng.integers(3, 30), x : x + rng.integers(3, 40)] = rng.choice(stuff)
    instances = labels.astype(np.uint16)
    for number in range(10 if things else 0):
        label = int(rng.choice(things))
        center = (int(rng.integers(0, width)), int(rng.integers(0, height)))
        axes = (int(rng.integers(2, 14)), int(rng.integers(2, 9)))
        # Some things are groups, which carry the plain label id.
        instance = label if number % 5 == 4 else label * 1000 + number
        cv2.ellipse(labels, center, axes, 0, 0, 360, label, -1)
        cv2.ellipse(instances, center, axes, 0, 0, 360, instance, -1)
    return labels, instances


def _structured(rng, stuff=_STUFF, things=_THINGS, predicted=None, size=(48, 96)):
    labels, instances = _scene(rng, stuff, things, size)
    prediction = np.roll(labels, (2, -3), (0, 1))
    patch = rng.random(labels.shape) < 0.1
    prediction[patch] = rng.choice(predicted or (stuff + things), patch.sum())
    return labels, instances, prediction


def _noise(rng):
    labels = rng.integers(0, 34, (40, 56)).astype(np.uint8)
    instances = np.where(
        labels >= 24, labels.astype(np.uint16) * 1000 + rng.integers(0, 4, labels.shape), labels
    ).astype(np.uint16)
    return labels, instances, rng.integers(0, 34, labels.shape).astype(np.uint8)


def _disagreeing(rng):
    """Instance ids that the label file contradicts: the script believes the instance file."""
    labels, instances, prediction = _structured(rng)
    return np.roll(labels, 5, 1), instances, prediction


def _of_some_size(rng):
    """From one pixel to rows that end inside every kind of step that our loops take."""
    height, width = (int(rng.choice([1, 2, 7, 31, 64, 129])) for _ in range(2))
    return _structured(rng, size=(height, width))


def _groups(rng):
    """Groups of objects: the instance file holds their plain label id, and iIoU leaves them out."""
    labels, instances, prediction = _structured(rng, [7, 23], [24, 26, 33])
    return labels, np.where(rng.random(3)[labels % 3] < 0.5, labels, instances), prediction


def _only_groups(rng):
    labels, _, prediction = _structured(rng, [7, 23], [24, 26, 33])
    return labels, labels.astype(np.uint16), prediction


def _many(rng):
    """Hundreds of instances, of every number that a class can have."""
    labels, _, prediction = _structured(rng, [7], [24, 26], size=(64, 128))
    numbers = np.kron(rng.integers(0, 1000, (16, 32)), np.ones((4, 4), int))
    return labels, np.where(labels >= 24, labels * np.int64(1000) + numbers, labels), prediction


_CASES = {
    "structured": lambda rng: _structured(rng),
    "noise, ignored ids predicted": _noise,
    "scored ids only": lambda rng: _structured(rng, [7, 8, 11, 21], [24, 26]),
    "absent classes predicted": lambda rng: _structured(rng, [7, 8], [26], list(range(7, 34))),
    "no instances": lambda rng: _structured(rng, [7, 8, 17], [], [7, 8, 26, 29]),
    "only ignored truth": lambda rng: _structured(rng, [0, 1, 9], [29, 30], [7, 26]),
    "only ignored predictions": lambda rng: (*_noise(rng)[:2], np.full((40, 56), 3, np.uint8)),
    "perfect": lambda rng: (lambda t: (t[0], t[1], t[0]))(_scene(rng, _STUFF, _THINGS)),
    "instances against labels": _disagreeing,
    "one class missing from each": lambda rng: _structured(
        rng, [7, 8, 11, 21], [26], [7, 8, 11, 23, 24, 26]
    ),
    "ignored ids of a category predicted": lambda rng: _structured(
        rng, [7], [26, 27, 28, 31, 32, 33], [29, 30, 9, 10, 14, 26]
    ),
    "many sizes": _of_some_size,
    "groups and single objects": _groups,
    "groups only": _only_groups,
    "hundreds of instances": _many,
}
_IMAGES = {"many sizes": 16}
# How the files are written: each way filters the rows in its own way.
_WRITERS = {
    "OpenCV": lambda path, ids: cv2.imwrite(path, ids),
    "Pillow": lambda path, ids: Image.fromarray(ids).save(path),
}


def _write(root, make, seed, images=4):
    rng = np.random.default_rng(seed)
    truth_files, prediction_files = [], []
    for number in range(images):
        city = ("ulm", "bonn")[number % 2]
        image_id = f"{city}_{number:06d}_000019"
        truth = root / "data" / "gtFine" / "val" / city
        truth.mkdir(parents=True, exist_ok=True)
        (root / "out").mkdir(exist_ok=True)
        labels, instances, prediction = make(rng)
        write = _WRITERS["Pillow" if number % 2 else "OpenCV"]
        truth_files.append(str(truth / f"{image_id}_gtFine_labelIds.png"))
        prediction_files.append(str(root / "out" / f"{image_id}_leftImg8bit.png"))
        write(truth_files[-1], labels)
        write(str(truth / f"{image_id}_gtFine_instanceIds.png"), instances.astype(np.uint16))
        write(prediction_files[-1], prediction)
    return {"predictions": prediction_files, "truth": truth_files, "instances": True}


@pytest.fixture(scope="module")
def official(tmp_path_factory):
    """By case: the folder and the official result. One process for all of them."""
    root = tmp_path_factory.mktemp("parity")
    jobs, folders = [], {}
    for seed, (name, make) in enumerate(_CASES.items()):
        folders[name] = root / str(seed)
        folders[name].mkdir()
        jobs.append(_write(folders[name], make, seed, _IMAGES.get(name, 4)))
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", _OFFICIAL],
        input=json.dumps(jobs),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    out = json.loads(done.stdout.split("RESULT")[1])
    results = zip(folders.items(), out["results"], strict=True)
    return out["sizes"], {name: (folder, result) for (name, folder), result in results}


def _difference(ours, theirs):
    if ours is None or math.isnan(theirs):
        return 0.0 if ours is None and math.isnan(theirs) else math.inf
    return abs(ours - theirs)


@pytest.mark.parametrize("available", [True, False], ids=["compiled", "NumPy"])
@pytest.mark.parametrize("case", _CASES)
def test_folder_scores_equal_the_official_script(official, case, available, tmp_path, monkeypatch):
    monkeypatch.setattr(compiled, "AVAILABLE", compiled.AVAILABLE and available)
    folder, theirs = official[1][case]
    report = tmp_path / "report.json"
    arguments = ["--predictions", str(folder / "out"), "--ground-truth", str(folder / "data")]
    assert main([*arguments, "--output", str(report)]) == 0
    ours = json.loads(report.read_text())
    differences = {
        "miou": _difference(ours["miou"], theirs["averageScoreClasses"]),
        "iiou": _difference(ours["iiou"], theirs["averageScoreInstClasses"]),
        "category_iou": _difference(ours["category_iou"], theirs["averageScoreCategories"]),
        "category_iiou": _difference(ours["category_iiou"], theirs["averageScoreInstCategories"]),
    }
    for group, iou, iiou in (
        ("classes", "classScores", "classInstScores"),
        ("categories", "categoryScores", "categoryInstScores"),
    ):
        for name, row in ours[group].items():
            differences[f"{name} iou"] = _difference(row["iou"], theirs[iou][name])
            differences[f"{name} iiou"] = _difference(row["iiou"], theirs[iiou][name])
    assert max(differences.values()) <= 1e-9, differences
    print(f"{case}: largest difference {max(differences.values()):.1e}")


def test_instance_sizes_are_those_of_the_official_script(official):
    assert official[0] == AVERAGE_INSTANCE_SIZE
