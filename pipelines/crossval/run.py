"""Run a cross-validation: each fit in its own process, one after the other."""

from __future__ import annotations

import time
from contextlib import ExitStack
from pathlib import Path

from rich.console import Console

from components.contracts.process.errors import StreetloopError
from components.contracts.recipe.recipe import Recipe
from components.contracts.step.context import set_environment
from components.contracts.storage.base import Storage
from pipelines.ablation.result import SplitScores
from pipelines.ablation.store import delete_checkpoint, read_result
from pipelines.ablation.tracking import Runs
from pipelines.ablation.worker import Worker
from pipelines.console import make_console
from pipelines.crossval.figure import crossval_figure
from pipelines.crossval.folds import Fold, folds_of
from pipelines.crossval.plan import Planned, Variant, fits_of, trials_of
from pipelines.crossval.report import Place, Report, report_of
from pipelines.experiment.scene import open_results, scene_of
from pipelines.local.display import Screen, duration
from pipelines.local.runner import Interrupted, session, stopping_children
from tfds_cityscapes.source import Item

PAGE, FIGURE, DATA = "crossval.md", "crossval.png", "crossval.json"
_HELD_OUT = "dev"


def cross_validate(
    variants: list[Variant], root: str, folds: int | None, seeds: list[int], labels: int | str
) -> int:
    """Run the missing fits, and print the tables.

    Args:
      variants: recipes; the first is what the others are compared with.
      root: of the results; not a campaign's root.
      folds: how many; None: one for each city.
      seeds: of labels, weights, order and augmentation.
      labels: how many images are labeled: a number, a share such as "1/8", or "all".

    Returns:
      The exit code.

    Raises:
      StreetloopError: the root holds a campaign, there are too few cities, or a fit failed.
    """
    set_environment()
    console = make_console()
    storage = open_results(root)
    try:
        with stopping_children(), session(root) as folder:
            found = folds_of(_train_part(variants[0].recipe, storage), folds)
            study = Study(variants, found, root, storage, folder, Screen(console))
            study.plan(seeds, labels)
            with ExitStack() as at_the_end:
                study.open_runs(seeds, labels)
                at_the_end.callback(lambda: _finish(console, study))
                study.run(console)
    except Interrupted as stop:
        console.print("Stopped. Run the same command again to resume.")
        return stop.exit_code
    return 0


def _train_part(recipe: Recipe, storage: Storage) -> list[Item]:
    """Return the images of train as the data set divides them, before anything is held out."""
    whole = recipe.split.model_copy(
        update={"dev_by": "time", "dev_cities": (), "dev_fraction": 0.0}
    )
    scene = scene_of(recipe.model_copy(update={"split": whole}), storage)
    return scene.division.splits["train"]


class Study:
    """The fits of a cross-validation, and what is known of them."""

    def __init__(
        self,
        variants: list[Variant],
        folds: list[Fold],
        root: str,
        storage: Storage,
        folder: Path,
        screen: Screen,
    ) -> None:
        self.storage, self.folds = storage, folds
        self._variants, self._root = variants, root
        self._workers = [
            (trial, Worker(trial.recipe, root, storage, folder, screen, (_HELD_OUT,)))
            for trial in trials_of(variants, folds)
        ]
        self._planned: list[tuple[Planned, Worker]] = []
        self._labels: int | str = "all"
        self.runs: Runs

    def plan(self, seeds: list[int], labels: int | str) -> None:
        """Make the records of every fold, and plan its fits, seed by seed."""
        self._labels = labels
        planned = [
            (one, worker)
            for trial, worker in self._workers
            for one in fits_of(trial, worker.scene(), self.storage, seeds, labels)
        ]
        # Whole seeds first: a mean over the folds needs all of them.
        self._planned = sorted(planned, key=lambda row: seeds.index(row[0].fit.seed))

    def open_runs(self, seeds: list[int], labels: int | str) -> None:
        """Open the run in MLflow, which further seeds and variants join."""
        first = self._variants[0].recipe
        inputs = {
            "train": first.train.model_dump(mode="json"),
            "inference": first.inference.model_dump(mode="json"),
            "folds": {fold.name: list(fold.cities) for fold in self.folds},
            "labels": str(labels),
        }
        self.runs = Runs("cross-validation", first, inputs, labels, self.storage, self._root)
        self.runs.open()

    def run(self, console: Console) -> None:
        """Run the missing fits; one that fails does not stop the others."""
        failed: list[str] = []
        for number, (one, worker) in enumerate(self._planned, 1):
            fit, held_out = one.fit, one.trial.fold.name
            title = f"Fit {number} of {len(self._planned)}: {one.trial.variant}, without {held_out}"
            console.print(f"{title}, seed {fit.seed}{self._left()}", style="bold")
            result, words = read_result(self.storage, fit), "finished before"
            if result is None:
                started = time.monotonic()
                try:
                    worker.order(fit, self.runs.begin(fit))
                except StreetloopError as error:
                    console.print(f"  {error}")
                    failed.append(str(error))
                    continue
                result = read_result(self.storage, fit)
                assert result is not None, "a process that succeeded has stored its result"
                words = f"done after {duration(time.monotonic() - started)}"
                self.write()  # people can look at it while the others run
            delete_checkpoint(self.storage, fit)
            self.runs.end(fit, result)
            miou = result.scores[_HELD_OUT].miou
            scored = "" if miou is None else f": mIoU {100 * miou:.2f} % on {held_out}"
            console.print(f"  {words}{scored}")
        if failed:
            raise StreetloopError(f"{len(failed)} of {len(self._planned)} fits failed. {failed[0]}")

    def _left(self) -> str:
        took = [r.seconds for one, _ in self._planned if (r := read_result(self.storage, one.fit))]
        missing = len(self._planned) - len(took)
        if not took or not missing:
            return ""
        return f" (about {duration(missing * sum(took) / len(took))} left)"

    def report(self) -> Report:
        """Return what the finished fits say."""
        scores: dict[str, dict[Place, SplitScores]] = {v.name: {} for v in self._variants}
        for one, _ in self._planned:
            if result := read_result(self.storage, one.fit):
                scores[one.trial.variant][one.place] = result.scores[_HELD_OUT]
        first = self._variants[0].recipe
        done = sum(map(len, scores.values())) == len(self._planned)
        return report_of(
            first.name, self._labels, first.train.steps, self.folds, scores, complete=done
        )

    def write(self) -> dict[str, bytes]:
        """Write page, figure and data of the finished fits, and return them by name."""
        report = self.report()
        files = {
            PAGE: report.markdown().encode(),
            FIGURE: crossval_figure(report),
            DATA: report.model_dump_json(indent=1).encode(),
        }
        for name, data in files.items():
            self.storage.write(name, data)
        return files


def _finish(console: Console, study: Study) -> None:
    """Write, print and track the result, complete or not."""
    files, report = study.write(), study.report()
    console.print()
    console.print(files[PAGE].decode())
    for name in (PAGE, FIGURE, DATA):
        console.print(f"{study.storage.uri}/{name}")
    study.runs.close(files, complete=report.complete)
