"""What a campaign with people waits for, where it is, and how to continue: in words."""

from __future__ import annotations

from components.contracts.ledger.complete import has_trained_enough, is_complete
from components.contracts.ledger.events import utc_now
from components.contracts.ledger.lease import LOCAL
from components.contracts.ledger.state import State
from components.contracts.ledger.units import labeled_units
from components.contracts.process.words import counted
from components.contracts.recipe.base import value_at
from components.contracts.recipe.recipe import Recipe
from components.contracts.step.done import failure_of
from components.contracts.storage.base import Storage
from components.contracts.storage.lock import is_locked, lock_folder
from pipelines.campaign.status import CampaignStatus
from pipelines.console import program

_COMPLETE = "Complete."


def asked_words(status: CampaignStatus) -> list[str]:
    """Return a heading, and below it the images that are asked for; nothing if none is."""
    asked, regions = status.waiting.images, status.waiting.regions
    if not asked:
        return []
    of = "" if regions is None else f"{counted(regions, 'region')} of "
    what = "Asked for and not answered:" if status.complete else "Waiting for labels of"
    return [f"{what} {of}{counted(len(asked), 'image')}.", *(f"  {name}" for name in asked)]


def waiting_words(status: CampaignStatus, where: str, *, named: bool = False) -> list[str]:
    """Return lines for a person.

    Args:
      status: of the campaign.
      where: the recipe, and the options that find the campaign again.
      named: name the images, also those that a complete campaign no longer waits for.
    """
    waiting, root = status.waiting, status.root
    asked, files = waiting.images, waiting.inbox
    if status.complete:
        words = "no cycle ingests them in a complete campaign; raise cycle.cycles to continue."
        lines = asked_words(status) if named else []
        return [*lines, f"{counted(files, 'file')} in {root}/inbox: {words}"] if files else lines
    lines = []
    if asked:
        lines += asked_words(status) if named else asked_words(status)[:1]
        # The seed is asked for before there is a query: it has no folder.
        if waiting.folders:
            tasks = ", ".join(f"{root}/{folder}" for folder in waiting.folders)
            lines.append(f"Tasks:    {tasks}")
            lines.append(
                f"Or push:  {program()} annotate push {where} --label-studio URL (or --cvat URL)"
            )
        lines.append(f"Hand in:  {program()} feedback add {where} FILE...")
    if files:
        lines.append(f"{counted(files, 'file')} in {root}/inbox: the next run ingests them.")
    new, needed = waiting.new_labels, waiting.min_new_labels
    if 0 < new < needed:
        lines.append(
            f"{counted(new, 'new label')} so far; a cycle trains from {needed} on "
            "(feedback.min_new_labels)."
        )
    if asked:
        lines.append(f"Then run `{program()} run` with the same options to continue.")
    return lines


def complete_words(recipe: Recipe, state: State) -> str:
    """Return that a campaign is complete, by which number if its last run had a higher one."""
    number = recipe.cycle.cycles
    last = value_at(state.recipe, "cycle.cycles", number)
    if not has_trained_enough(state, recipe) or (last is not None and last <= len(state.trained)):
        return _COMPLETE
    more = "--set cycle.cycles=null" if last is None else f"--cycles {last}"
    had = "none" if last is None else last
    return (
        f"Complete with cycle.cycles {number} of the recipe; the last run had {had}: give `run` {more} to "
        "continue."
    )


def handed_in_words(recipe: Recipe, state: State) -> str:
    """Return which cycle reads what was just handed in."""
    if not is_complete(state, recipe):
        return "The next cycle reads them: run `streetloop run` again."
    words = complete_words(recipe, state)
    if words == _COMPLETE and has_trained_enough(state, recipe):
        words = "The campaign is complete: raise cycle.cycles to continue."
    return f"No cycle reads them now. {words}"


def open_words(storage: Storage, state: State) -> str:
    """Return what became of the cycle that is not closed, and how to resume it; "" if there is none."""
    current = state.open_cycle
    if current is None:
        return ""
    local = current.owner.startswith(LOCAL)
    works = is_locked(lock_folder(storage)) if local else current.held(utc_now())
    if works and not current.released:
        return f"Cycle {current.cycle} is open: a run works on it."
    if own := failure_of(storage, current.cycle, current.fence):
        ended = own[:1].lower() + own[1:]
    else:
        ended = f"the run failed. {current.why}" if current.why else "the run was stopped."
    again = f"Run `{program()} run` with the same options" if local else "Start another run"
    return f"Cycle {current.cycle} is open: {ended} {again} to resume it."


def ending_words(recipe: Recipe, state: State) -> str:
    """Return why the last cycle asked for nothing more; "" if it did, or if enough cycles have trained."""
    last = state.last_cycle
    if last is None or not last.closed or last.summary.queried or has_trained_enough(state, recipe):
        return ""
    if state.outstanding:
        return ""
    budget = recipe.query.label_budget
    if budget is not None and labeled_units(state, recipe.query) >= budget:
        words = f"The label budget is used up: query.label_budget is {budget}."
    else:
        words = "No image is left to ask for: the pool is used up."
    new, needed = len(state.new_labels), recipe.feedback.min_new_labels
    if new:
        words += (
            f" {counted(new, 'label')} {'is' if new == 1 else 'are'} new, and a cycle trains from {needed} "
            "on: lower feedback.min_new_labels to train on what there is."
        )
    return words
