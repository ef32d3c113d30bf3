"""`streetloop ledger`: the history of a campaign, in words; and going back in it."""

from __future__ import annotations

import json
import uuid
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from components.contracts.process.errors import StreetloopError
from pipelines.campaign.waiting import counted
from pipelines.options import campaign_in, opened, with_recipe

if TYPE_CHECKING:
    from components.contracts.ledger.events import Event
    from components.contracts.ledger.ledger import Ledger


@click.group("ledger")
def ledger_group() -> None:
    """Read a campaign's history, check it, or bring an earlier champion back.

    \b
    Example: streetloop ledger log pipelines/recipes/synthetic.yaml
    """


def _ledger(
    recipe: Path, root: str | None, changes: tuple[str, ...], data: str | None
) -> tuple[Ledger, str]:
    _, where = opened(recipe, root, changes, data)
    return campaign_in(where), where


@ledger_group.command("log")
@with_recipe
def log(**where: Any) -> None:
    """Print every event, in words.

    \b
    Example: streetloop ledger log pipelines/recipes/synthetic.yaml
    """
    for event in _ledger(**where)[0].events():
        click.echo(f"{event.number:6d}  {event.at[:19]}  {words(event)}")


@ledger_group.command("show")
@with_recipe
@click.option(
    "--version", type=click.IntRange(min=0), help="An event's number [default: the last]."
)
def show(version: int | None, **where: Any) -> None:
    """Print the state after an event, as JSON.

    \b
    Example: streetloop ledger show pipelines/recipes/synthetic.yaml --version 5
    """
    ledger, _ = _ledger(**where)
    state = ledger.state() if version is None else ledger.state_at(version)
    champion = state.champion
    click.echo(
        json.dumps(
            {
                "version": state.version,
                "labeled": {i: [v.sha256 for v in vs] for i, vs in sorted(state.labels.items())},
                "outstanding": sorted(state.outstanding),
                "skipped": sorted(state.skipped),
                "cycles": {n: c.outcome or "open" for n, c in sorted(state.cycles.items())},
                "champion": champion and {"model": champion.model, "cycle": champion.cycle},
                "recipe": state.recipe,
            },
            indent=1,
        )
    )


@ledger_group.command("verify")
@with_recipe
def verify(**where: Any) -> None:
    """Check every hash: the events' chain, the label maps, the models. Exits with 1 on damage.

    \b
    Example: streetloop ledger verify pipelines/recipes/synthetic.yaml
    """
    ledger, root = _ledger(**where)
    problems = ledger.verify()
    for problem in problems:
        click.echo(problem)
    if problems:
        raise StreetloopError(f"Expected an undamaged campaign in {root}; found the above.")
    click.echo(f"All {ledger.state().version + 1} events, label maps and models are as written.")


@ledger_group.command("rollback")
@with_recipe
@click.option(
    "--model", metavar="SHA256", help="Or its first digits [default: the champion before]."
)
@click.option("--why", default="", help="Goes into the ledger.")
def rollback(model: str | None, why: str, **where: Any) -> None:
    """Make an earlier champion the champion again, as a new event.

    \b
    Example: streetloop ledger rollback pipelines/recipes/synthetic.yaml --why "worse at night"
    """
    from components.contracts.step.context import Context, set_environment
    from components.cycle.runs import repair_aliases

    loaded, root = opened(**where)
    ledger = campaign_in(root)
    state = ledger.state()
    current = state.champion
    known = list(dict.fromkeys(c.model for c in state.champions))
    others = [m for m in known if current is None or m != current.model]
    chosen = [m for m in known if m.startswith(model)] if model else others[-1:]
    if len(chosen) != 1:
        raise StreetloopError(
            f"Expected one earlier champion{f' that begins with {model}' if model else ''}; there are "
            f"{len(chosen)}. Champions so far: {', '.join(m[:12] for m in known) or 'none'}."
        )
    ledger.commit("rollback", f"rollback/{uuid.uuid4().hex}", {"model": chosen[0], "why": why})
    click.echo(f"The champion is {chosen[0][:12]} again.")
    set_environment()
    context = Context(loaded.resolved(), root)
    tracker = context.tracker()
    repair_aliases(context, tracker)
    if tracker.down:
        click.echo("MLflow did not answer: the next cycle repairs its alias.")


def words(event: Event) -> str:
    """One event as a sentence."""
    p = event.payload
    match event.kind:
        case "campaign_created":
            return f"campaign {p.name} created"
        case "seed":
            return f"{counted(len(p.image_ids), 'image')} chosen to be labeled first"
        case "query":
            return f"cycle {p.cycle} asks for {counted(len(p.items), 'image')} ({p.strategy})"
        case "labels_accepted":
            refused = f", {len(p.refused)} refused" if p.refused else ""
            return f"{counted(len(p.labels), 'label')} taken from {p.file_name}{refused}"
        case "task_skipped":
            return f"{p.annotator} skipped {p.image_id}: {p.why or 'no reason given'}"
        case "promotion":
            return f"model {p.model[:12]} of cycle {p.cycle} is champion: {' '.join(p.reasons)}"
        case "rollback":
            return f"model {p.model[:12]} is champion again: {p.why or 'no reason given'}"
        case "recipe_changed":
            return "recipe changed: " + ", ".join(
                f"{key} {before!r} -> {after!r}" for key, (before, after) in p.changed.items()
            )
        case "cycle_opened":
            return f"cycle {p.cycle} opened by {p.owner} (fencing number {p.fence})"
        case "tracking":
            return f"cycle {p.cycle} is MLflow run {p.cycle_run_id}"
        case "cycle_closed":
            return f"cycle {p.cycle} closed: {p.outcome.replace('_', ' ')}"
        case _:
            return f"cycle {p.cycle} given back by {p.owner}: {p.why}"
