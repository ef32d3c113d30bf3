"""What a cycle does after it has ingested labels."""

from __future__ import annotations

from enum import IntEnum

from components.contracts.ledger.state import State
from components.contracts.recipe.feedback import FeedbackSettings


class Plan(IntEnum):
    """One number, since kfp.local finds only a task's single output in an `If`."""

    NOTHING = 0
    TRAIN = 1
    ASK = 2  # only ask for labels


def decide(state: State, settings: FeedbackSettings) -> Plan:
    """Decide what a cycle does with the labels there are.

    With `min_new_labels` new ones it trains and asks. With fewer (or none: a cold start) it asks,
    unless images are outstanding already, probes not counted: then there is nothing to do.
    """
    if len(state.new_labels) >= settings.min_new_labels:
        return Plan.TRAIN
    return Plan.NOTHING if state.waiting else Plan.ASK
