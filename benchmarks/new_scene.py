"""Measure what unlabeled images of a scene are worth that no label shows.

    python -m benchmarks.new_scene DATA OUTPUT --city camvid0006r0 --seeds 0,1,2

Labels are drawn from the other cities. The first part of the city is in the pool without a label, and its last
frames are what is scored. The ceiling is what the hidden labels would give: a fit on the labels alone, with those
of the city's frames in the pool added. Every fit is a line of OUTPUT/fits.jsonl; a line that exists is not fitted
again. Fits may run in several processes, one seed each.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from components.contracts.data.records import Records
from components.contracts.process.progress import Progress
from components.contracts.recipe.recipe import Recipe, load
from components.contracts.recipe.train import TrainSettings
from components.contracts.step.context import begin
from components.contracts.storage.open import open_storage
from components.feedback.oracle import read_answer
from components.preprocess.build import store_records
from components.split.join import join
from pipelines.ablation.variants import settings_of
from pipelines.experiment.markdown import interval, markdown_table, plus_minus
from pipelines.experiment.scene import has_records, scene_of
from pipelines.experiment.statistics import paired, summary
from tfds_cityscapes.splits import initial_labels

_RECIPE = Path(__file__).parents[1] / "pipelines/recipes/camvid_small.yaml"
_CHANGES = (
    "split.dev_fraction=0.3",
    "split.guard=5",
    "train.steps=2000",
    "train.dev_every=2000",
    "train.ema_decay=0.99",
    "train.optimizer.warmup_steps=50",
)
CEILING = "ceiling"
_BASE = "supervised"
_SCORES = ("miou", "pixel_accuracy", "dice")


def main() -> None:
    """Run the fits that are missing, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("data", type=Path)
    parser.add_argument("output", type=Path)
    parser.add_argument("--city", required=True, help="that no label shows")
    parser.add_argument("--labels", type=int, default=46)
    parser.add_argument("--seeds", default="0")
    parser.add_argument("--variants", default=f"{_BASE},consistency,{CEILING}")
    parser.add_argument("--set", dest="changes", action="append", default=[])
    given = parser.parse_args()
    begin("fit")
    changes = [f"data.source={given.data.absolute()}", *_CHANGES, *given.changes]
    study = Study(load(_RECIPE, changes), given.output, given.city, given.labels)
    for seed in map(int, given.seeds.split(",")):
        for variant in given.variants.split(","):
            study.run(variant, seed)
    print("\n".join(study.table()))


class Study:
    """The fits with one city unlabeled.

    Attributes:
      recipe: of all fits.
      output: the folder of records and results.
      city: that no label shows, and whose frames in `dev` are scored.
      labels: how many images of other cities are labeled.
    """

    def __init__(self, recipe: Recipe, output: Path, city: str, labels: int) -> None:
        self.recipe, self.output, self.city, self.labels = recipe, output, city, labels
        storage = open_storage(str(output))
        self.scene = scene_of(recipe, storage)
        if not has_records(self.scene, storage):
            store_records(self.scene.division, storage)
        self.records = Records(storage.local_dir(self.scene.prefix))

    def run(self, variant: str, seed: int) -> None:
        """Fit and score one variant, unless its line exists."""
        key = {"city": self.city, "variant": variant, "seed": seed, "labels": self.labels}
        if any(key.items() <= line.items() for line in self.lines()):
            return
        settings = settings_of(_BASE if variant == CEILING else variant, self.recipe.train)
        scores, seconds = self._fit(settings, seed, self._labeled(variant, seed))
        line = json.dumps(key | scores | {"seconds": round(seconds)})
        print(line, flush=True)
        with (self.output / "fits.jsonl").open("a") as file:
            file.write(line + "\n")

    def _labeled(self, variant: str, seed: int) -> list[str]:
        pool = self.scene.division.labelable(self.records)
        seen = initial_labels([i for i in pool if i.city != self.city], self.labels, seed)
        hidden = [i.image_id for i in pool if i.city == self.city]
        return seen + hidden if variant == CEILING else seen

    def _fit(
        self, settings: TrainSettings, seed: int, labeled: Sequence[str]
    ) -> tuple[dict[str, float], float]:
        # TensorFlow takes seconds to import, and a table alone does not need it.
        from components.train.checkpoint import Checkpoint
        from components.train.fit import fit
        from components.train.input.data import Data

        last: dict[str, float] = {}

        def answer(image_id: str) -> Any:
            return read_answer(self.scene.source, self.scene.items, image_id)

        with tempfile.TemporaryDirectory() as name:
            joined = join(self.records, labeled, answer, Path(name) / "split")
            data = Data.of(joined.labeled, self.records, joined.unlabeled, settings)
            data.dev = [i for i in data.dev if self.records.entries[i].city == self.city]
            progress = Progress("train", "steps", settings.steps).update
            done = fit(
                data,
                settings,
                seed,
                Checkpoint(Path(name) / "state.npz", lambda path: None),
                report=lambda step, metrics: last.update(metrics),
                progress=progress,
            )
        return {score: round(100 * last[f"dev/{score}"], 2) for score in _SCORES}, done.seconds

    def lines(self) -> list[dict[str, Any]]:
        """Return the results so far."""
        path = self.output / "fits.jsonl"
        return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []

    def table(self) -> list[str]:
        """Return each variant's scores, the differences to the labels alone, and their share of the ceiling."""
        lines = [i for i in self.lines() if (i["city"], i["labels"]) == (self.city, self.labels)]
        scores: dict[str, dict[int, float]] = {}
        for line in lines:
            scores.setdefault(line["variant"], {})[line["seed"]] = line["miou"]
        base, top = scores.get(_BASE, {}), scores.get(CEILING, {})
        rows, possible = [], paired(top, base)
        for variant, mine in scores.items():
            found, gain = summary(list(mine.values())), paired(mine, base)
            assert found is not None
            row = [variant, str(found.n), plus_minus(found.mean, found.spread)]
            if variant == _BASE or gain is None:
                rows.append([*row, "", ""])
                continue
            share = f"{100 * gain.mean / possible.mean:.0f} %" if possible and possible.mean else ""
            rows.append([*row, interval(gain), share])
        heads = ["variant", "seeds", "mIoU", f"over {_BASE}, 95 % interval", "share of the ceiling"]
        return markdown_table(heads, rows)


if __name__ == "__main__":
    main()
