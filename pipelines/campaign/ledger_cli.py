"""`streetloop ledger`: read the history of a campaign, verify it, roll the champion back."""

from __future__ import annotations

import json
import uuid
from typing import TYPE_CHECKING

import click

from components.contracts.ledger.layout import generator_file
from components.contracts.process.errors import StreetloopError
from components.contracts.process.words import counted
from pipelines.options import Chosen, open_campaign, with_recipe

if TYPE_CHECKING:
    from components.contracts.ledger.events import Event


@click.group("ledger")
def ledger_group() -> None:
    """Read or verify the history of a campaign; restore a champion.

    \b
    Example: streetloop ledger log pipelines/recipes/synthetic.yaml
    """


@ledger_group.command("log")
@with_recipe
def log(chosen: Chosen) -> None:
    """Print every event as a sentence.

    \b
    Example: streetloop ledger log pipelines/recipes/synthetic.yaml
    """
    for event in chosen.ledger().events():
        click.echo(f"{event.number:6d}  {event.at[:19]}  {words(event)}")


@ledger_group.command("show")
@with_recipe
@click.option(
    "--version", type=click.IntRange(min=0), help="The number of an event [default: the last]."
)
def show(chosen: Chosen, version: int | None) -> None:
    """Print the state after an event as JSON.

    \b
    Example: streetloop ledger show pipelines/recipes/synthetic.yaml --version 5
    """
    ledger = chosen.ledger()
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
def verify(chosen: Chosen) -> None:
    """Check the hashes of all events, label maps and models. Exits with 1 on damage.

    \b
    Example: streetloop ledger verify pipelines/recipes/synthetic.yaml
    """
    ledger = chosen.ledger()
    problems = ledger.verify()
    for problem in problems:
        click.echo(problem)
    if problems:
        raise StreetloopError(f"The campaign in {ledger.storage.uri} is damaged, see above.")
    click.echo(f"All {ledger.state().version + 1} events, label maps and models are undamaged.")


@ledger_group.command("rollback")
@with_recipe
@click.option(
    "--model",
    metavar="SHA256",
    help="The id of the champion, or its first digits [default: the previous champion].",
)
@click.option("--why", default="", help="A reason to record in the ledger.")
def rollback(chosen: Chosen, model: str | None, why: str) -> None:
    """Make an earlier champion the champion again. This adds an event and removes none.

    \b
    Example: streetloop ledger rollback pipelines/recipes/synthetic.yaml --why "worse at night"
    """
    from components.contracts.step.context import Context, set_environment
    from components.cycle.campaign_page.write import write_campaign_page
    from components.cycle.news import tell_rollback
    from components.cycle.runs import repair_aliases

    recipe, root = chosen.open()
    ledger = open_campaign(root)
    state = ledger.state()
    current = state.champion
    known = list(dict.fromkeys(c.model for c in state.champions))
    others = [m for m in known if current is None or m != current.model]
    matches = [m for m in known if m.startswith(model)] if model else others[-1:]
    if len(matches) != 1:
        why = f"{len(matches)} begin with {model}" if model else "there is none"
        raise StreetloopError(
            f"Cannot choose an earlier champion: {why}. Champions so far: "
            f"{', '.join(m[:12] for m in known) or 'none'}."
        )
    if not ledger.storage.exists(generator_file(matches[0])):
        raise StreetloopError(
            f"The model {matches[0][:12]} is gone: {generator_file(matches[0])} does not exist in "
            f"{ledger.storage.uri}. Choose another champion, or restore the file."
        )
    ledger.commit("rollback", f"rollback/{uuid.uuid4().hex}", {"model": matches[0], "why": why})
    click.echo(f"The champion is {matches[0][:12]} again.")
    write_campaign_page(ledger, ledger.storage)
    set_environment()
    context = Context(recipe.resolved(), root)
    tracker = context.tracker()
    try:
        repair_aliases(context, tracker)
        why_not = "did not accept that" if tracker.down else ""
    except StreetloopError as error:
        # The ledger has decided: repeating the command would choose another model.
        why_not = f"was not told: {error}"
    if why_not:
        click.echo(f"MLflow {why_not}. The next cycle will repair its alias.")
    tell_rollback(context, matches[0], why)


def words(event: Event) -> str:
    """Return an event as a sentence."""
    p = event.payload
    match event.kind:
        case "campaign_created":
            return f"campaign {p.name} created"
        case "seed":
            return f"{counted(len(p.image_ids), 'image')} chosen to be labeled first"
        case "query":
            return f"cycle {p.cycle} asks for {counted(len(p.items), 'image')} ({p.strategy})"
        case "labels_accepted":
            rejected = f", {len(p.refused)} rejected" if p.refused else ""
            return f"{counted(len(p.labels), 'label')} accepted from {p.file_name}{rejected}"
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
            return f"cycle {p.cycle} released by {p.owner}: {p.why}"
