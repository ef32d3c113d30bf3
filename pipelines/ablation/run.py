"""Run an ablation: objectives switched on and off over seeds, each fit in its own process."""

from __future__ import annotations

import statistics
import time
from contextlib import ExitStack

from rich.console import Console

from components.contracts.process.errors import StreetloopError
from components.contracts.recipe.recipe import Recipe
from components.contracts.step.context import set_environment
from components.contracts.storage.base import Storage
from pipelines.ablation.figure import ablation_figure
from pipelines.ablation.plan import Design, Plan, plan_of
from pipelines.ablation.result import FitResult
from pipelines.ablation.store import delete_checkpoint, read_result
from pipelines.ablation.table import Table, markdown
from pipelines.ablation.tracking import Runs
from pipelines.ablation.worker import Worker
from pipelines.console import make_console
from pipelines.experiment.scene import open_results
from pipelines.local.display import Screen, duration
from pipelines.local.runner import Interrupted, session, stopping_children

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
    set_environment()
    console = make_console()
    storage = open_results(root)
    try:
        with stopping_children(), session(root) as folder:
            worker = Worker(recipe, root, storage, folder, Screen(console))
            plan = plan_of(recipe, storage, worker.scene(), design)
            with ExitStack() as at_the_end:
                runs = Runs("ablation", recipe, plan.inputs, design.labels, storage, root)
                runs.open()
                at_the_end.callback(lambda: _finish(console, storage, plan, runs))
                _run(console, storage, plan, runs, worker)
    except Interrupted as stop:
        console.print("Stopped. Run the same command again to resume.")
        return stop.exit_code
    return 0


def _run(console: Console, storage: Storage, plan: Plan, runs: Runs, worker: Worker) -> None:
    """Run the missing fits one after the other; one that fails does not stop the others."""
    failed: list[str] = []
    for number, fit in enumerate(plan.fits, 1):
        result = read_result(storage, fit)
        where = f"Fit {number} of {len(plan.fits)}: {fit.variant}, seed {fit.seed}"
        if result is None:
            console.print(f"{where}{_left(storage, plan)}", style="bold")
            started = time.monotonic()
            try:
                worker.order(fit, runs.begin(fit))
            except StreetloopError as error:
                console.print(f"  {error}")
                failed.append(str(error))
                continue
            result = read_result(storage, fit)
            assert result is not None, "a process that succeeded has stored its result"
            _write_table(storage, plan)  # people can look at it while the others run
            words = f"done after {duration(time.monotonic() - started)}"
        else:
            delete_checkpoint(storage, fit)
            console.print(where, style="bold")
            words = "finished before"
        runs.end(fit, result)
        mious = [f"{k} {100 * v.miou:.2f}" for k, v in result.scores.items() if v.miou]
        console.print(f"  {words}: mIoU {', '.join(mious)} %")
    if failed:
        raise StreetloopError(f"{len(failed)} of {len(plan.fits)} fits failed. {failed[0]}")


def _left(storage: Storage, plan: Plan) -> str:
    """Estimate how long the missing fits will take, from the finished ones."""
    known = {f.key: r for f in plan.fits if (r := read_result(storage, f)) is not None}
    if not known:
        return ""
    took: dict[str, list[float]] = {}
    for result in known.values():
        took.setdefault(result.variant, []).append(result.seconds)
    mean = statistics.fmean(result.seconds for result in known.values())
    missing = {f.key: f for f in plan.fits if f.key not in known}
    left = sum(statistics.fmean(took.get(f.variant, [mean])) for f in missing.values())
    return f" (about {duration(left)} left for {len(missing)} fit{'s' if len(missing) > 1 else ''})"


def table_of(storage: Storage, plan: Plan) -> Table:
    """Return the table of the finished fits."""
    results: dict[str, dict[int, FitResult]] = {}
    for fit in plan.fits:
        result = read_result(storage, fit)
        if result is not None:
            results.setdefault(fit.variant, {})[fit.seed] = result
    labeled = sorted({len(fit.labeled) for fit in plan.fits})
    title = (
        f"Ablation of {plan.recipe.name}: {plan.design.labels} labeled "
        f"({'/'.join(map(str, labeled))} images), {plan.recipe.train.steps} steps"
    )
    return Table(title, plan.design, results)


def _write_table(storage: Storage, plan: Plan) -> dict[str, bytes]:
    """Write the table and the figure of the finished fits, and return them by name."""
    table = table_of(storage, plan)
    if not table.results:
        return {}
    files = {TABLE: markdown(table).encode(), FIGURE: ablation_figure(table)}
    for name, data in files.items():
        storage.write(name, data)
    return files


def _finish(console: Console, storage: Storage, plan: Plan, runs: Runs) -> None:
    """Write, print and track the table, complete or not."""
    files = _write_table(storage, plan)
    if files:
        console.print()
        console.print(files[TABLE].decode())
        console.print(f"Table:    {storage.uri}/{TABLE}")
        console.print(f"Figure:   {storage.uri}/{FIGURE}")
    runs.close(files, complete=all(read_result(storage, fit) for fit in plan.fits))
