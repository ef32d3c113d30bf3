"""Run a simulation: trials in processes side by side, and what they say together."""

from __future__ import annotations

import time
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from pathlib import Path

from rich.console import Console

from components.contracts.data.records import Records
from components.contracts.process.cpus import THREAD_VARIABLES, usable_cpus
from components.contracts.process.errors import StreetloopError, UsageError
from components.contracts.process.words import counted
from components.contracts.recipe.recipe import Recipe
from components.contracts.storage.base import Storage
from pipelines.console import make_console
from pipelines.experiment.command import Files, run_resumable, show_files, store_files
from pipelines.experiment.job import Jobs
from pipelines.experiment.scene import Scene, has_records, open_results, scene_of
from pipelines.local.display import Screen, duration
from pipelines.simulate.analysis import analyse
from pipelines.simulate.figure import simulation_figure
from pipelines.simulate.page import markdown
from pipelines.simulate.plan import Design, Trial, TrialOrder, has_features, key_of, trials_of
from pipelines.simulate.result import TrialResult, read_result
from pipelines.simulate.tracking import Runs

PAGE, FIGURE, DATA = "simulation.md", "simulation.png", "simulation.json"
_LOOK_EVERY = 1.0  # seconds


def simulate(recipe: Recipe, root: str, design: Design, processes: int | None = None) -> int:
    """Run the missing trials, and print what they say.

    Args:
      recipe: the resolved recipe.
      root: of the simulation; not a campaign's root.
      design: what to compare.
      processes: that run side by side; None for one per processor.

    Returns:
      The exit code.

    Raises:
      StreetloopError: the root holds a campaign, or a trial failed.
      UsageError: the pool is smaller than a budget, or there is nothing to score.
    """
    console = make_console()
    storage = open_results(root)
    if not recipe.train.network.encoder.pretrained:
        raise UsageError(
            "train.network.encoder has no pretrained weights (its name is unet, or its weights are "
            "none): frozen, it knows nothing. Give it some with "
            "--set train.network.encoder.name=efficientnet_lite0 "
            "--set train.network.encoder.weights=imagenet."
        )

    def work(folder: Path) -> None:
        _Simulation(recipe, root, design, storage, console, folder).run(processes)

    return run_resumable(root, console, work)


class _Simulation:
    """One command's run of a simulation."""

    def __init__(
        self,
        recipe: Recipe,
        root: str,
        design: Design,
        storage: Storage,
        console: Console,
        folder: Path,
    ) -> None:
        self._recipe, self._root, self._design = recipe, root, design
        self._storage, self._console = storage, console
        self._screen, self._progress = Screen(console), folder / "progress"
        self._jobs = Jobs("pipelines.simulate.job", root, folder)
        self._results: dict[Trial, TrialResult] = {}
        self._started = time.monotonic()
        self._before: int | None = None  # results of earlier commands, once they are read

    def run(self, processes: int | None) -> None:
        recipe, storage = self._recipe, self._storage
        with self._screen.following(self._progress):
            scene = scene_of(recipe, storage)
            if not (has_records(scene, storage) and has_features(recipe, scene, storage)):
                self._jobs.run("records", self._order([]))
        self._pool = _checked(scene, storage, self._design)
        self._key = key_of(recipe, scene, self._design)
        runs = Runs(recipe, self._design, self._key, storage, self._root)
        runs.open()
        try:
            self._collect(runs)
            self._before = len(self._results)
            self._run_missing(runs, processes or usable_cpus())
        finally:
            self._finish(runs)

    def _run_missing(self, runs: Runs, processes: int) -> None:
        """Run the missing trials, a seed's in one process: they share their first fit."""
        missing: dict[int, list[Trial]] = {}
        for trial in trials_of(self._design):
            if trial not in self._results:
                missing.setdefault(trial.seed, []).append(trial)
        threads = str(max(1, usable_cpus() // min(processes, max(1, len(missing)))))
        limits = dict.fromkeys(THREAD_VARIABLES, threads)
        orders = [(f"seed-{seed}", self._order(trials)) for seed, trials in missing.items()]
        failed = []
        with ThreadPoolExecutor(processes) as pool, self._screen.following(self._progress):
            running: set[Future[None]] = set()
            # Only this thread starts anything: once a signal has interrupted it, nothing starts.
            while orders or running:
                while orders and len(running) < processes:
                    running.add(pool.submit(self._jobs.run, *orders.pop(0), limits))
                done, running = wait(running, _LOOK_EVERY, FIRST_COMPLETED)
                failed += [str(e) for future in done if (e := future.exception()) is not None]
                self._collect(runs)
        if failed:
            raise StreetloopError(f"{len(failed)} of {len(missing)} processes failed. {failed[0]}")

    def _collect(self, runs: Runs) -> None:
        """Read the results that are new, print them, and send them to MLflow."""
        trials, found = trials_of(self._design), False
        for trial in trials:
            if trial in self._results:
                continue
            result = read_result(self._storage, self._key, trial)
            if result is None:
                continue
            self._results[trial] = result
            scores = "  ".join(f"{p.labels}: {100 * p.miou:.1f}" for p in result.points)
            number = f"{len(self._results)} of {len(trials)}"
            self._console.print(f"{number}  {trial.name}: mIoU {scores} %{self._left(len(trials))}")
            runs.add(trial, result)
            found = True
        if found:
            self._write()

    def _left(self, total: int) -> str:
        if self._before is None or len(self._results) == total:
            return ""
        done = len(self._results) - self._before
        if done < 2 and not self._before:  # the first one also took the start of the processes
            return ""
        each = (time.monotonic() - self._started) / done
        return f" (about {duration(each * (total - len(self._results)))} left)"

    def _write(self) -> Files:
        """Write the page, the figure and the data of the finished trials."""
        results = list(self._results.values())
        analysis = analyse(self._recipe.name, self._design, self._pool, results)
        if analysis is None:
            return {}
        files = {
            PAGE: markdown(analysis, self._design).encode(),
            FIGURE: simulation_figure(analysis),
            DATA: analysis.model_dump_json(indent=1).encode(),
        }
        return store_files(self._storage, files)

    def _finish(self, runs: Runs) -> None:
        files = self._write()
        show_files(self._console, self._storage, files)
        runs.close(files, complete=len(self._results) == len(trials_of(self._design)))

    def _order(self, trials: list[Trial]) -> TrialOrder:
        return TrialOrder(root=self._root, recipe=self._recipe, design=self._design, trials=trials)


def _checked(scene: Scene, storage: Storage, design: Design) -> int:
    """Return the number of images that can be asked for."""
    records = Records(storage.local_dir(scene.prefix))
    pool = len(scene.labelable(records))
    if pool < design.budgets[-1]:
        raise UsageError(
            f"The largest budget is {counted(design.budgets[-1], 'label')}, but only "
            f"{counted(pool, 'image')} of the pool {'has' if pool == 1 else 'have'} a mask. Give smaller --budgets."
        )
    if not records.ids(design.split):
        raise UsageError(
            f"No labeled image in {design.split} to score. Choose the other split with --split, or change "
            "split.dev_fraction."
        )
    return pool
