"""The table of a campaign, and its state in words."""

from __future__ import annotations

import click
from rich.table import Table

from components.contracts.ledger.ledger import Ledger
from components.contracts.recipe.recipe import Recipe
from components.contracts.storage.open import open_storage
from pipelines.campaign.status import CampaignStatus, read_status
from pipelines.campaign.waiting import (
    asked_words,
    complete_words,
    ending_words,
    open_words,
    waiting_words,
)
from pipelines.console import make_console, program


def percent(fraction: float | None) -> str:
    """Return a fraction as percent with one decimal, or a dash for None."""
    return "–" if fraction is None else f"{100 * fraction:.1f}"


def cycle_table(status: CampaignStatus) -> Table:
    """Return the table of a campaign: one line per cycle, below the baseline."""
    baseline = status.baseline
    title = "Each cycle's own model, scored on val (%)" if baseline else "Cycles so far"
    table = Table(title=title, title_justify="left")
    regions = status.labeled_regions is not None
    labeled = ("labeled", "regions") if regions else ("labeled",)
    for name in ("cycle", *labeled, "mIoU", "pixel accuracy", "Dice", "champion", "seconds"):
        table.add_column(name, justify="right")
    if baseline:
        scores = [
            percent(value) for value in (baseline.miou, baseline.pixel_accuracy, baseline.dice)
        ]
        table.add_row(
            f"all {baseline.name}",
            *("" for _ in labeled),
            *scores,
            "",
            "",
            style="dim",
            end_section=True,
        )
    for row in status.cycles:
        scores = [percent(value) for value in (row.miou, row.pixel_accuracy, row.dice)]
        if row.outcome != "done":
            scores[0] = row.outcome.replace("_", " ")
        seconds = "–" if row.seconds is None else f"{row.seconds:.0f}"
        promoted = "yes" if row.promoted else ""
        counts = [str(row.labeled)]
        if regions:
            counts.append("–" if row.labeled_regions is None else str(row.labeled_regions))
        table.add_row(str(row.cycle), *counts, *scores, promoted, seconds)
    return table


def show_status(recipe: Recipe, root: str, as_json: bool, where: str) -> None:
    """Print the state of the campaign; `where` is what finds it again, for hints."""
    storage = open_storage(root)
    status = read_status(recipe, storage)
    if as_json:
        click.echo(status.model_dump_json(indent=1))
        return
    console = make_console()
    if not Ledger(storage).state().created:
        console.print(f"No campaign in {storage.uri} yet. Start it with `streetloop run`.")
        return
    console.print(cycle_table(status))
    champion = status.champion
    if champion:
        console.print(f"Champion: {champion.model[:12]} of cycle {champion.cycle}")
    if status.drift:
        console.print(f"Drift in cycle {status.drift.cycle}: {status.drift.words}")
    for advice in (status.forecast, status.stability):
        if advice:
            console.print(advice.words)
    state = Ledger(storage).state()
    unfinished, ended = open_words(storage, state), ending_words(recipe, state)
    if unfinished:
        console.print(unfinished)
    if not (status.waiting.images or unfinished or ended or status.complete):
        console.print("Waiting for labels of 0 images.")
    oracle = recipe.feedback.oracle
    for line in asked_words(status) if oracle else waiting_words(status, where, named=True):
        console.print(line)
    if ended:
        console.print(ended)
    console.print(f"MLflow:   {program()} ui {where} --open")
    console.print(complete_words(recipe, state) if status.complete else "Not complete.")
