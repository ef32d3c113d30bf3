"""Decides whether a campaign has anything left to do."""

from __future__ import annotations

from components.contracts.ledger.events import (
    CycleClosed,
    CycleOpened,
    LeaseReleased,
    RecipeChanged,
    Tracking,
)
from components.contracts.ledger.ledger import Ledger
from components.contracts.ledger.state import State
from components.contracts.recipe.base import value_at
from components.contracts.recipe.recipe import Recipe

# What every cycle leaves in the ledger, whether or not it achieved anything.
_BOOKKEEPING = (CycleOpened, CycleClosed, LeaseReleased, RecipeChanged, Tracking)


def is_complete(state: State, recipe: Recipe) -> bool:
    """Return whether another cycle would change nothing.

    A campaign is complete after `cycle.cycles` trained cycles or, with an oracle, when the last cycle
    asked for nothing and no image is outstanding. People may still correct their labels.
    """
    last = state.last_cycle
    if last is None or not last.closed:
        return False
    if has_trained_enough(state, recipe):
        return True
    idle = not last.summary.queried and not state.outstanding
    return recipe.feedback.oracle and idle and asked_with(state, recipe)


def has_trained_enough(state: State, recipe: Recipe) -> bool:
    """Return whether `cycle.cycles` cycles have trained."""
    return recipe.cycle.cycles is not None and len(state.trained) >= recipe.cycle.cycles


def asked_with(state: State, recipe: Recipe) -> bool:
    """Return whether the last cycle had the settings that decide what is left to do.

    With a larger budget, or fewer labels needed to train, there may be something left. Where the data set
    is decides nothing once the campaign has begun: it has to be the same.
    """
    values = recipe.values()
    if state.begun:
        del values["data"]["source"]
    return all(
        value_at(state.recipe, f"{section}.{key}", value) == value
        for section in ("data", "feedback", "query")
        for key, value in values[section].items()
    )


def changed_something(ledger: Ledger, cycle: int) -> bool:
    """Return whether a cycle trained, asked, or ingested anything, in whichever run of it.

    After one that did not, the next would find the same, and so on for ever.
    """
    state = ledger.state()
    events = ledger.events()[state.cycles[cycle].opened_number :]
    trained = state.cycles[cycle].outcome == "done"
    return trained or not all(isinstance(event.payload, _BOOKKEEPING) for event in events)
