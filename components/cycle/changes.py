"""The settings that a campaign keeps for life, and how a recipe enters the ledger."""

from __future__ import annotations

import logging
from typing import Any

from components.contracts.ledger.campaign import (
    ProtectedValueError,
    change_recipe,
    check_protected,
    create_campaign,
    discard_campaign,
    has_begun,
)
from components.contracts.ledger.ledger import Ledger
from components.contracts.recipe.recipe import Recipe
from components.contracts.storage.base import Storage

log = logging.getLogger("streetloop")

# The pool's ids, the frozen dev images and what a class is all follow from these.
PROTECTED = (
    "name",
    "seed",
    "data.source",
    "data.synthetic",
    "split.dev_fraction",
    "split.guard",
    "split.ratios",
    "split.initial",
)


def protected_values(recipe: Recipe) -> dict[str, Any]:
    """Return the values of a recipe that may never change in a campaign, by dotted key."""
    out: dict[str, Any] = {}
    for key in PROTECTED:
        value: Any = recipe.values()
        for part in key.split("."):
            value = (value or {}).get(part)
        out[key] = value
    return out


def check_unchanged(storage: Storage, recipe: Recipe) -> None:
    """Reject a change of a protected value, before anything starts.

    Raises:
      ProtectedValueError: a value differs, and the campaign has data that depends on it.
    """
    state = Ledger(storage).state()
    if state.created and has_begun(storage):
        check_protected(state, protected_values(recipe))


def record_recipe(storage: Storage, recipe: Recipe) -> None:
    """Create the campaign, or record that its recipe changed; an unchanged one leaves no event.

    A campaign without any data yet starts again if a protected value differs.

    Raises:
      ProtectedValueError: a protected value differs, and there is data that depends on it.
    """
    protected = protected_values(recipe)
    if not has_begun(storage) and _differs(storage, protected):
        log.warning("The campaign had no data yet: it starts again with the new settings.")
        discard_campaign(storage)
    ledger = create_campaign(storage, recipe.name, recipe.values(), protected)
    change_recipe(ledger, recipe.values(), protected)


def _differs(storage: Storage, protected: dict[str, Any]) -> bool:
    state = Ledger(storage).state()
    try:
        if state.created:
            check_protected(state, protected)
    except ProtectedValueError:
        return True
    return False
