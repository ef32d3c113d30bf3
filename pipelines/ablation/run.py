"""Run an ablation: objectives switched on and off over seeds, each fit in its own process."""

from __future__ import annotations

from pathlib import Path

from components.contracts.process.words import counted
from components.contracts.recipe.recipe import Recipe
from components.contracts.storage.base import Storage
from pipelines.ablation.figure import ablation_figure
from pipelines.ablation.plan import Design, Plan, plan_of
from pipelines.ablation.table import Table, markdown
from pipelines.console import make_console
from pipelines.experiment.command import Files, run_resumable, show_files, store_files
from pipelines.experiment.scene import open_results
from pipelines.fits.loop import Task, run_fits
from pipelines.fits.result import FitResult
from pipelines.fits.store import read_result
from pipelines.fits.tracking import Runs
from pipelines.fits.worker import Worker
from pipelines.local.display import Screen

TABLE, FIGURE = "ablation.md", "ablation.png"


def ablate(recipe: Recipe, root: str, design: Design) -> int:
    """Run the missing fits, and print the table.

    Args:
      recipe: the resolved recipe.
      root: of the ablation; not a campaign's root.
      design: what to compare.

    Returns:
      The exit code.

    Raises:
      StreetloopError: the root holds a campaign, or a fit failed.
    """
    console = make_console()
    storage = open_results(root)

    def work(folder: Path) -> None:
        worker = Worker(recipe, root, storage, folder, Screen(console))
        plan = plan_of(recipe, storage, worker.scene(), design)
        if plan.without_unlabeled:
            console.print(
                f"The labels leave no unlabeled image, so {', '.join(plan.without_unlabeled)} "
                f"{'learns' if len(plan.without_unlabeled) == 1 else 'learn'} from none. Give fewer "
                "--labels."
            )
        runs = Runs("ablation", recipe, plan.inputs, design.labels, storage, root)
        runs.open()
        tasks = [Task(f"{fit.variant}, seed {fit.seed}", fit, worker) for fit in plan.fits]
        try:
            run_fits(console, storage, tasks, runs, lambda: _write(storage, plan))
        finally:
            files = _write(storage, plan)
            show_files(console, storage, files)
            runs.close(files, complete=all(read_result(storage, fit) for fit in plan.fits))

    return run_resumable(root, console, work)


def table_of(storage: Storage, plan: Plan) -> Table:
    """Return the table of the finished fits."""
    results: dict[str, dict[int, FitResult]] = {}
    for fit in plan.fits:
        result = read_result(storage, fit)
        if result is not None:
            results.setdefault(fit.variant, {})[fit.seed] = result
    labeled = sorted({len(fit.labeled) for fit in plan.fits})
    images = "/".join([*map(str, labeled[:-1]), counted(labeled[-1], "image")])
    title = (
        f"Ablation of {plan.recipe.name}: {plan.design.labels} labeled ({images}), "
        f"{counted(plan.recipe.train.steps, 'step')}"
    )
    return Table(title, plan.design, results)


def _write(storage: Storage, plan: Plan) -> Files:
    """Store the table and the figure of the finished fits."""
    table = table_of(storage, plan)
    if not table.results:
        return {}
    return store_files(storage, {TABLE: markdown(table).encode(), FIGURE: ablation_figure(table)})
