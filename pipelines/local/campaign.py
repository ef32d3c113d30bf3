"""`streetloop run`: a campaign on this machine."""

from __future__ import annotations

import time

import click
from rich.console import Console

from components.contracts.ledger import layout
from components.contracts.ledger.campaign import check_protected, discard_campaign
from components.contracts.ledger.lease import clean_up
from components.contracts.ledger.ledger import Ledger
from components.contracts.process.errors import StreetloopError
from components.contracts.recipe.recipe import Recipe
from components.contracts.step.context import Context, set_environment
from components.contracts.storage.base import Storage
from components.contracts.storage.open import open_storage
from components.cycle.changes import protected_values
from components.cycle.runs import catch_up
from pipelines.campaign.display import arguments_of, cycle_table
from pipelines.campaign.status import read_status
from pipelines.campaign.waiting import waiting_words
from pipelines.console import make_console, program
from pipelines.local.display import Screen, duration
from pipelines.local.runner import (
    Interrupted,
    log_file,
    run_cycle,
    session,
    stopping_children,
)


def run_campaign(recipe: Recipe, root: str, name: str) -> int:
    """Run cycles until the campaign is complete, or waits for people.

    Args:
      recipe: the resolved recipe.
      root: the campaign root.
      name: the recipe as the user named it, for hints.

    Returns:
      the exit code.
    """
    console = make_console()
    storage = open_storage(root)
    ledger = Ledger(storage)
    _check_unchanged(ledger, recipe)
    if ledger.state().is_complete(recipe):
        clean_up(ledger)
        console.print(f"Campaign {recipe.name} is complete: nothing to train.")
        set_environment()
        if not catch_up(Context(recipe.resolved(), root)):
            console.print("MLflow still lacks a cycle. Run this again when the server is back.")
        _finish(console, recipe, storage, root, name)
        return 0
    screen = Screen(console)
    try:
        with stopping_children(), session(root) as folder:
            while not ledger.state().is_complete(recipe):
                number = _next_cycle(ledger)
                console.print(
                    f"Cycle {number} of campaign {recipe.name}{_planned(recipe)}", style="bold"
                )
                started = time.monotonic()
                with screen.following(folder / "progress"):
                    run_cycle(recipe, root, folder, log_file(root, f"cycle-{number:04d}"))
                outcome = ledger.state().cycles[number].outcome or "open"
                words = outcome.replace("_", " ")
                console.print(f"  {words} after {duration(time.monotonic() - started)}")
                if not recipe.feedback.oracle and outcome != "done":
                    break
                if not recipe.feedback.oracle and ledger.state().outstanding:
                    break
    except Interrupted as stop:
        console.print("Stopped. Run the same command again to resume.")
        return stop.exit_code
    _finish(console, recipe, storage, root, name)
    return 0


def _check_unchanged(ledger: Ledger, recipe: Recipe) -> None:
    """Reject a change of a protected value before anything starts."""
    state = ledger.state()
    if state.created:
        check_protected(state, protected_values(recipe))


def _planned(recipe: Recipe) -> str:
    return f" (until {recipe.cycle.cycles} have trained)" if recipe.cycle.cycles else ""


def _next_cycle(ledger: Ledger) -> int:
    last = ledger.state().last_cycle
    return 1 if last is None else last.cycle + last.closed


def _finish(console: Console, recipe: Recipe, storage: Storage, root: str, name: str) -> None:
    status = read_status(recipe, storage)
    console.print()
    console.print(cycle_table(status))
    if status.trained:
        page = layout.evaluation_page(status.trained[-1].cycle)
        console.print(f"Report:   {storage.uri}/{page}")
    where = arguments_of(recipe, root, name)
    if not recipe.feedback.oracle:
        for line in waiting_words(status, where):
            console.print(line)
    console.print(f"MLflow:   {program()} ui {where} --open")
    if status.complete:
        console.print("The campaign is complete.")


def discard(root: str, yes: bool) -> None:
    """Delete the campaign at `root`, after describing it and asking."""
    storage = open_storage(root)
    state = Ledger(storage).state()
    if not state.created:
        return
    people = sum(1 for v in state.labels.values() if v[-1].annotator != "oracle")
    click.echo(
        f"--fresh discards campaign {state.name} in {storage.uri}: {len(state.cycles)} cycles, "
        f"{len(state.labels)} labeled images ({people} labeled by people), "
        f"{len({c.model for c in state.champions})} champions. MLflow keeps its runs."
    )
    if not yes and not click.confirm("Discard it?"):
        raise StreetloopError("Nothing was discarded.")
    discard_campaign(storage)
