"""Tells whether a cycle would change anything, before one is opened."""

from __future__ import annotations

from components.contracts.ledger.complete import asked_with, is_complete
from components.contracts.ledger.inbox import arrived
from components.contracts.ledger.layout import INBOX
from components.contracts.ledger.state import State
from components.contracts.process.words import counted
from components.contracts.recipe.feedback import FeedbackSettings
from components.contracts.step.context import Context
from components.contracts.step.plan import Plan, decide


def idle_words(context: Context) -> str:
    """Return in one line why a cycle would change nothing; "" if it may change something.

    It looks at the ledger and the inbox alone, so that a schedule that fires often costs little.
    """
    return complete_words(context) or _waiting_words(context)


def complete_words(context: Context) -> str:
    """Return a line that says that the campaign is complete; "" if it is not."""
    recipe = context.recipe
    if not is_complete(context.ledger.state(), recipe):
        return ""
    return (
        f"complete: campaign {recipe.name} has nothing left to do, and no cycle is opened. "
        "`streetloop schedule delete` ends its schedule."
    )


def _waiting_words(context: Context) -> str:
    recipe, state = context.recipe, context.ledger.state()
    last = state.last_cycle
    if last is None or not last.closed or not asked_with(state, recipe):
        return ""
    if _answers_itself(state, recipe.feedback) or arrived(context.storage.list(INBOX)):
        return ""
    if decide(state, recipe.feedback) != Plan.NOTHING:
        return ""
    images = counted(len(state.outstanding), "image")
    return f"nothing new: still waiting for labels of {images}, and no cycle is opened."


def _answers_itself(state: State, settings: FeedbackSettings) -> bool:
    """Return whether labels may come from elsewhere than the inbox.

    `existing` finds masks that were added to the data set, which only reading it can tell.
    """
    return settings.existing or (settings.oracle and bool(state.outstanding))
