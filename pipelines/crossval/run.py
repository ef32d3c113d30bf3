"""Run a cross-validation: each fit in its own process, one after the other."""

from __future__ import annotations

from pathlib import Path

from components.contracts.recipe.recipe import Recipe
from components.contracts.storage.base import Storage
from pipelines.console import make_console
from pipelines.crossval.figure import crossval_figure
from pipelines.crossval.folds import Fold, folds_of
from pipelines.crossval.plan import Planned, Variant, fits_of, trials_of
from pipelines.crossval.report import Place, Report, report_of
from pipelines.experiment.command import Files, run_resumable, show_files, store_files
from pipelines.experiment.scene import open_results, scene_of
from pipelines.fits.loop import Task, run_fits
from pipelines.fits.result import SplitScores
from pipelines.fits.store import read_result
from pipelines.fits.tracking import Runs
from pipelines.fits.worker import Worker
from pipelines.local.display import Screen
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
    console = make_console()
    storage = open_results(root)

    def work(folder: Path) -> None:
        found = folds_of(_train_part(variants[0].recipe, storage), folds)
        study = Study(variants, found, root, storage, folder, Screen(console))
        study.plan(seeds, labels)
        runs = study.open_runs(labels)
        try:
            run_fits(console, storage, study.tasks(), runs, study.write)
        finally:
            files = study.write()
            show_files(console, storage, files)
            runs.close(files, complete=study.report().complete)

    return run_resumable(root, console, work)


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

    def open_runs(self, labels: int | str) -> Runs:
        """Open the run in MLflow, which further seeds and variants join."""
        first = self._variants[0].recipe
        inputs = {
            "train": first.train.facts(),
            "inference": first.inference.model_dump(mode="json"),
            "folds": {fold.name: list(fold.cities) for fold in self.folds},
            "labels": str(labels),
        }
        runs = Runs("cross-validation", first, inputs, labels, self.storage, self._root)
        runs.open()
        return runs

    def tasks(self) -> list[Task]:
        """Return the fits in the order in which they run."""
        return [
            Task(
                f"{one.trial.variant}, without {one.trial.fold.name}, seed {one.fit.seed}",
                one.fit,
                worker,
                {_HELD_OUT: one.trial.fold.name},
            )
            for one, worker in self._planned
        ]

    def report(self) -> Report:
        """Return what the finished fits say."""
        scores: dict[str, dict[Place, SplitScores]] = {v.name: {} for v in self._variants}
        for one, _ in self._planned:
            if result := read_result(self.storage, one.fit):
                scores[one.trial.variant][one.place] = result.scores[_HELD_OUT]
        return report_of(
            self._variants[0].recipe.name,
            self._labels,
            [len(one.fit.labeled) for one, _ in self._planned],
            {variant.name: variant.recipe.train.steps for variant in self._variants},
            self.folds,
            scores,
            complete=sum(map(len, scores.values())) == len(self._planned),
        )

    def write(self) -> Files:
        """Store page, figure and data of the finished fits."""
        report = self.report()
        files = {
            PAGE: report.markdown().encode(),
            FIGURE: crossval_figure(report),
            DATA: report.model_dump_json(indent=1).encode(),
        }
        return store_files(self.storage, files)
