"""`python -m pipelines.fits.process ORDER.json`: run one fit of an experiment in its own process.

TensorFlow's state, its memory and its determinism end with the process.
"""

from __future__ import annotations

import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from components.contracts.scores.report import HEADLINES
from components.contracts.storage.base import Storage
from components.contracts.tracking.source import git_sha
from components.preprocess.build import store_records
from pipelines.experiment.job import carry_out
from pipelines.experiment.scene import Scene, scene_of
from pipelines.fits.fit import Fit, FitOrder
from pipelines.fits.result import FitResult, SplitScores
from pipelines.fits.store import Begun, write_result
from pipelines.fits.tracking import live

if TYPE_CHECKING:
    from components.contracts.data.records import Records


def main(path: str) -> int:
    """Carry out an order; return the exit code."""
    order = FitOrder.model_validate_json(Path(path).read_text())

    def work(storage: Storage) -> None:
        scene = scene_of(order.recipe, storage)
        if order.fit is None:
            store_records(scene.division, storage)
        else:
            result = _fit(order, storage, scene, order.fit)
            write_result(storage, order.fit, result)

    return carry_out(order, "fit", work)


def _fit(order: FitOrder, storage: Storage, scene: Scene, wanted: Fit) -> FitResult:
    """Fit and score; resume from the checkpoint of an interrupted fit."""
    from components.contracts.data.records import Records
    from components.feedback.oracle import read_answer
    from components.split.join import join
    from components.train.checkpoint import Checkpoint
    from components.train.driver import fit_records

    records = Records(storage.local_dir(scene.prefix))
    begun = Begun(storage, wanted)
    point = live(order.recipe, storage.uri, order.run_id, begun.at_ms)
    with tempfile.TemporaryDirectory(prefix="streetloop-") as name:
        folder = Path(name)
        joined = join(
            records,
            wanted.labeled,
            lambda image_id: read_answer(scene.source, scene.items, image_id),
            folder / "split",
        )
        state = folder / "state.npz"
        begun.restore(state)
        started = time.monotonic()
        done, data = fit_records(
            records,
            joined.labeled,
            joined.unlabeled,
            wanted.settings,
            wanted.seed,
            Checkpoint(state, lambda path: begun.keep(path, time.monotonic() - started)),
            lambda step, metrics: point(step, begun.note(step, metrics)),
        )
        seconds = begun.seconds
        scores = _score(order, done.networks.candidate, records)
    return FitResult(
        variant=wanted.variant,
        seed=wanted.seed,
        settings=wanted.settings,
        labeled=wanted.labeled,
        unlabeled=len(data.unlabeled or ()),
        steps=done.steps,
        best_step=done.best_step,
        seconds=round(seconds, 1),
        waiting_for_data=done.waiting,
        git_sha=git_sha(),
        scores=scores,
        history=begun.history,
        at_ms=begun.at_ms,
    )


def _score(order: FitOrder, generator: Any, records: Records) -> dict[str, SplitScores]:
    """Score on the splits of the order at native size."""
    from components.contracts.model.predictor import Predictor
    from components.contracts.process.progress import Progress
    from components.evaluate.assess import assess

    predictor = Predictor(generator, order.recipe.inference)
    out: dict[str, SplitScores] = {}
    for split in order.splits:
        total = len(records.ids(split))
        if not total:
            continue
        progress = Progress("evaluate", f"images of {split}", total)
        scores = assess(predictor, records, split, progress=progress.update).scores
        out[split] = SplitScores(
            **{name: getattr(scores, name) for name in HEADLINES},
            images=total,
            classes={name: row.iou for name, row in scores.classes.items() if row.pixels},
        )
    return out


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
