"""Which settings a campaign keeps for life, and how a recipe enters the ledger."""

from __future__ import annotations

from typing import Any

from components.contracts.ledger.campaign import change_recipe, create_campaign
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


def protected_values(recipe: dict[str, Any]) -> dict[str, Any]:
    """The values of a recipe that may never change in a campaign, by dotted key."""
    out: dict[str, Any] = {}
    for key in PROTECTED:
        value: Any = recipe
        for part in key.split("."):
            value = (value or {}).get(part)
        out[key] = value
    return out


def record_recipe(storage: Storage, recipe: dict[str, Any]) -> None:
    """Creates the campaign, or records that its recipe changed; nothing if all is as it was.

    Raises:
      ProtectedValueError: a protected value differs.
    """
    protected = protected_values(recipe)
    ledger = create_campaign(storage, recipe["name"], recipe, protected)
    change_recipe(ledger, recipe, protected)
