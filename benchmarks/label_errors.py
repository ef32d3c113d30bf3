"""Plant wrong regions in labels, and count how many of them `streetloop labels check` finds.

    python -m benchmarks.label_errors plant DATA OUTPUT [--count 40] [--seed 0]
    python -m benchmarks.label_errors count OUTPUT REPORT
    python -m benchmarks.label_errors peer RECIPE ROOT [--images 40]

`plant` writes a data set whose images are links and whose masks are copies. In some of them one
connected region got the class of another region of the same image: what an annotator does who picks
the wrong class. `count` reads the report (`reports/labels.json` in the campaign root) and prints how
many of the planted images and regions are among the first ones of the list. `peer` compares our
scores of a campaign's labels with cleanlab's, which must be importable and is no dependency.
"""

from __future__ import annotations

import argparse
import json
import shutil
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from components.contracts.ledger.labels import read_parts
from components.contracts.recipe.recipe import load
from components.contracts.step.context import Context
from pipelines.labels.judges import cases_of
from pipelines.labels.measure import Statistics, judge, quality
from tfds_cityscapes.labels import CLASS_NAMES, IGNORE_LABEL, to_train_ids

_MASK = "_gtFine_labelIds.png"
_SHARES = (0.01, 0.15)  # of the image: smaller regions are noise, larger ones anybody would see


def main() -> None:
    """Parse the arguments and run one of the two."""
    parser = argparse.ArgumentParser(description=__doc__)
    commands = parser.add_subparsers(required=True, dest="command")
    planting = commands.add_parser("plant")
    planting.add_argument("data", type=Path)
    planting.add_argument("output", type=Path)
    planting.add_argument("--count", type=int, default=40)
    planting.add_argument("--seed", type=int, default=0)
    counting = commands.add_parser("count")
    counting.add_argument("output", type=Path)
    counting.add_argument("report", type=Path)
    comparing = commands.add_parser("peer")
    comparing.add_argument("recipe", type=Path)
    comparing.add_argument("root")
    comparing.add_argument("--images", type=int, default=40)
    given = parser.parse_args()
    if given.command == "plant":
        plant(given.data.absolute(), given.output, given.count, given.seed)
    elif given.command == "peer":
        compare(given.recipe, given.root, given.images)
    else:
        count(given.output, given.report)


def plant(data: Path, output: Path, number: int, seed: int) -> None:
    """Write a copy of the masks with one wrong region in each of `number` images of train."""
    rng = np.random.default_rng(seed)
    output.mkdir(parents=True)
    (output / "leftImg8bit").symlink_to(data / "leftImg8bit")
    shutil.copytree(data / "gtFine", output / "gtFine")
    paths = sorted((output / "gtFine" / "train").rglob(f"*{_MASK}"))
    planted = {}
    for index in rng.permutation(len(paths)):
        path = paths[index]
        mask = cv2.imread(str(path), cv2.IMREAD_UNCHANGED)
        assert mask is not None
        found = _one_wrong(mask, rng)
        if found is None:
            continue
        region, given = found
        rows, columns = np.nonzero(region)
        planted[path.name.removesuffix(_MASK)] = {
            "box": [int(v) for v in (rows.min(), columns.min(), rows.max() + 1, columns.max() + 1)],
            "pixels": int(region.sum()),
            "share": float(region.mean()),
            "true": int(to_train_ids(mask[region][:1])[0]),
            "given": int(to_train_ids(np.array([given], np.uint8))[0]),
        }
        path.chmod(0o644)
        cv2.imwrite(str(path), np.where(region, given, mask).astype(np.uint8))
        if len(planted) == number:
            break
    (output / "planted.json").write_text(json.dumps(planted, indent=1, sort_keys=True))
    print(f"{len(planted)} wrong regions planted in {output}")


def _one_wrong(mask: np.ndarray, rng: np.random.Generator) -> tuple[np.ndarray, int] | None:
    """Choose a connected region and another class of the same image; None if there is none."""
    train_ids = to_train_ids(mask)
    classes = [int(i) for i in np.unique(mask) if to_train_ids(np.array([i]))[0] != IGNORE_LABEL]
    regions = []
    for label_id in classes:
        _, parts = cv2.connectedComponents((mask == label_id).astype(np.uint8), connectivity=8)
        for part in range(1, parts.max() + 1):
            region = parts == part
            if _SHARES[0] <= region.mean() <= _SHARES[1]:
                regions.append((region, label_id))
    if not regions or len(classes) < 2:
        return None
    region, label_id = regions[rng.integers(len(regions))]
    assert (train_ids[region] != IGNORE_LABEL).all()
    others = [i for i in classes if i != label_id]
    return region, others[rng.integers(len(others))]


def count(output: Path, report: Path) -> None:
    """Print how many planted images and regions are among the first ones of the list."""
    planted = json.loads((output / "planted.json").read_text())
    found = json.loads(report.read_text())
    for in_sample in (False, True):
        images = [i for i in found["images"] if i["in_sample"] == in_sample]
        wrong = {i["image_id"] for i in images} & planted.keys()
        if not wrong:
            continue
        print(f"in_sample={in_sample}: {len(images)} labels, {len(wrong)} of them planted")
        doubtful = sorted(images, key=lambda i: -i["doubt"])
        print("  by quality:", _among([i["image_id"] for i in images], wrong))
        print("  by doubt:  ", _among([i["image_id"] for i in doubtful], wrong))
        regions = sorted(
            (r | {"image_id": i["image_id"]} for i in images for r in i["regions"]),
            key=lambda r: -r["score"],
        )
        hits = [
            r["image_id"] if _is_planted(r, planted.get(r["image_id"])) else "" for r in regions
        ]
        print("  by region: ", _among(hits, wrong))


def compare(recipe: Path, root: str, number: int) -> None:
    """Print how our scores and suspects of a campaign's newest labels agree with cleanlab's."""
    from cleanlab.segmentation.filter import find_label_issues
    from cleanlab.segmentation.rank import get_label_quality_scores

    context = Context(load(recipe).resolved(), root)
    state = context.ledger.state()
    assert state.newest_records is not None  # it has labels that a model judges
    records = context.records(state.newest_records)
    cases = [c for c in cases_of(state) if not c.in_sample][:number]
    predictor = context.predictor(cases[0].model)
    labels, maps = [], []
    for case in cases:
        label = read_parts(context.storage, case.parts)
        found = predictor.probabilities(records.read(case.image_id).image, label.shape[:2])
        # cleanlab knows no ignored pixels.
        labels.append(np.where(label == IGNORE_LABEL, found.argmax(-1), label).astype(np.uint8))
        maps.append(found)
    judged = [judge(*pair) for pair in zip(labels, maps, strict=True)]
    statistics = Statistics()
    for one in judged:
        statistics.add(one)
    ours = np.array([quality(one) for one in judged])
    rule = statistics.rule()
    suspects = np.stack([rule.suspect(one) for one in judged])
    ids, stacked = np.stack(labels).astype(int), np.moveaxis(np.stack(maps), -1, 1)
    theirs, _ = get_label_quality_scores(ids, stacked, verbose=False)
    issues = find_label_issues(ids, stacked, n_jobs=1, verbose=False, batch_size=10**7)
    our_ranks, their_ranks = (np.argsort(np.argsort(scores)) for scores in (ours, theirs))
    correlation = np.corrcoef(our_ranks, their_ranks)[0, 1]
    print(f"{len(cases)} labels: rank correlation {correlation:.6f}, largest")
    print(f"  difference of two scores {np.abs(ours - theirs).max():.1e}; suspect pixels: ours")
    print(f"  {suspects.sum()}, cleanlab {issues.sum()}, both {(suspects & issues).sum()}")


def _is_planted(region: dict[str, Any], planted: dict[str, Any] | None) -> bool:
    """Return whether a region's box meets the planted one by half, and the labeled class is it."""
    if planted is None or region["labeled"] != CLASS_NAMES[planted["given"]]:
        return False
    (top, left, bottom, right), (a, b, c, d) = region["box"], planted["box"]
    inside = max(0, min(bottom, c) - max(top, a)) * max(0, min(right, d) - max(left, b))
    union = (bottom - top) * (right - left) + (c - a) * (d - b) - inside
    return inside >= 0.5 * union


def _among(ranked: list[str], wrong: set[str]) -> str:
    """Say how many of the wrong ones are among the first k, 2k and 3k."""
    k = len(wrong)
    parts = [f"{len(wrong & set(ranked[: n * k]))}/{k} in the first {n * k}" for n in (1, 2, 3)]
    return ", ".join(parts)


if __name__ == "__main__":
    main()
