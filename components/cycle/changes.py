"""The settings that a campaign keeps for life, and how a recipe enters the ledger."""

from __future__ import annotations

from typing import Any

from components.contracts.ledger.campaign import change_recipe, create_campaign
from components.contracts.recipe.recipe import Recipe
from components.contracts.storage.base import Storage

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


def record_recipe(storage: Storage, recipe: Recipe) -> None:
    """Create the campaign, or record that its recipe changed; an unchanged one leaves no event.

    Raises:
      ProtectedValueError: a protected value differs.
    """
    protected = protected_values(recipe)
    ledger = create_campaign(storage, recipe.name, recipe.values(), protected)
    change_recipe(ledger, recipe.values(), protected)
