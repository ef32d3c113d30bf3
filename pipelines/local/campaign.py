"""`streetloop run`: a campaign on this machine."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

from rich.console import Console

from components.contracts.data.raw import check_exists
from components.contracts.ledger import layout
from components.contracts.ledger.complete import changed_something, is_complete
from components.contracts.ledger.ledger import Ledger
from components.contracts.recipe.recipe import Recipe
from components.contracts.step.context import Context, set_environment
from components.contracts.storage.base import Storage
from components.contracts.storage.open import open_storage
from components.cycle.changes import check_unchanged
from components.cycle.finish import publish
from components.cycle.runs import catch_up
from pipelines.campaign.display import cycle_table
from pipelines.campaign.status import read_status
from pipelines.campaign.waiting import ending_words, waiting_words
from pipelines.console import make_console, program
from pipelines.local.display import Screen, duration
from pipelines.local.forks import Starter, starting
from pipelines.local.runner import (
    Interrupted,
    log_file,
    run_cycle,
    session,
    stopping_children,
)


def run_campaign(
    recipe: Recipe, root: str, where: str, discarding: Callable[[], None] = lambda: None
) -> int:
    """Run cycles until the campaign is complete, or waits for people.

    Args:
      recipe: the resolved recipe.
      root: the campaign root.
      where: the arguments that find the campaign again, for hints.
      discarding: called once the campaign is locked, to discard what is there (--fresh).

    Returns:
      the exit code.
    """
    console = make_console()
    try:
        # From the question whether to discard it to the end, no other command works on the campaign.
        with stopping_children(), session(root) as folder, starting(root) as start:
            discarding()
            _run(recipe, root, folder, start, console)
    except Interrupted as stop:
        console.print("Stopped. Run the same command again to resume.")
        return stop.exit_code
    _finish(console, recipe, open_storage(root), where)
    return 0


def _run(recipe: Recipe, root: str, folder: Path, start: Starter, console: Console) -> None:
    """Run the cycles that are left."""
    storage = open_storage(root)
    ledger = Ledger(storage)
    state = ledger.state()
    check_unchanged(state, recipe)
    if is_complete(state, recipe):
        console.print(f"Campaign {recipe.name} is complete: nothing to train.")
        set_environment()
        context = Context(recipe.resolved(), root)
        publish(context)  # a kill may have come between
        if not catch_up(context):
            console.print("MLflow still lacks a cycle. Run this again when the server is back.")
        return
    check_exists(recipe.data)
    screen = Screen(console)
    while not is_complete(ledger.state(), recipe):
        number = ledger.state().next_cycle
        console.print(f"Cycle {number} of campaign {recipe.name}{_planned(recipe)}", style="bold")
        started = time.monotonic()
        with screen.following(folder / "progress"):
            log = log_file(root, f"cycle-{number:04d}")
            run_cycle(recipe, root, folder, log, start)
        outcome = ledger.state().cycles[number].outcome or "open"
        words = outcome.replace("_", " ")
        console.print(f"  {words} after {duration(time.monotonic() - started)}")
        if not recipe.feedback.oracle:
            break  # people decide when the next cycle is worth its time
        if not (changed_something(ledger, number) or is_complete(ledger.state(), recipe)):
            console.print(f"Cycle {number} changed nothing, and so would the next: the run ends.")
            break


def _planned(recipe: Recipe) -> str:
    return f" (until {recipe.cycle.cycles} have trained)" if recipe.cycle.cycles else ""


def _finish(console: Console, recipe: Recipe, storage: Storage, where: str) -> None:
    status = read_status(recipe, storage)
    console.print()
    console.print(cycle_table(status))
    if storage.exists(layout.CAMPAIGN_PAGE):
        console.print(f"Page:     {storage.uri}/{layout.CAMPAIGN_PAGE}")
    if status.trained:
        page = layout.evaluation_page(status.trained[-1].cycle)
        console.print(f"Report:   {storage.uri}/{page}")
    if not recipe.feedback.oracle:
        for line in waiting_words(status, where):
            console.print(line)
    if words := ending_words(recipe, Ledger(storage).state()):
        console.print(words)
    console.print(f"MLflow:   {program()} ui {where} --open")
    if status.complete:
        console.print("The campaign is complete.")
