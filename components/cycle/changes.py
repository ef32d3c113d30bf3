"""The settings that a campaign keeps for life, and how a recipe enters the ledger."""

from __future__ import annotations

from typing import Any

from components.contracts.ledger.campaign import change_recipe, check_protected, create_campaign
from components.contracts.ledger.ledger import Ledger
from components.contracts.ledger.state import State
from components.contracts.recipe.base import value_at
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

# Settings that earlier versions did not have: a campaign of theirs has the usual value.
PROTECTED_SINCE = ("split.dev_by", "split.dev_cities", "split.initial_by")


def protected_values(recipe: Recipe) -> dict[str, Any]:
    """Return the values of a recipe that may not change in a campaign that has begun, by key."""
    values = recipe.values()
    return {key: value_at(values, key) for key in (*PROTECTED, *PROTECTED_SINCE)}


def _usual() -> dict[str, Any]:
    values = Recipe(name="usual").values()
    return {key: value_at(values, key) for key in PROTECTED_SINCE}


def check_unchanged(state: State, recipe: Recipe) -> None:
    """Reject a change of a protected value, before anything starts.

    Raises:
      ProtectedValueError: a value differs, and something depends on it.
    """
    check_protected(state, protected_values(recipe), _usual())


def create(storage: Storage, recipe: Recipe) -> None:
    """Create the campaign unless it exists.

    Raises:
      ProtectedValueError: it exists with another protected value, and something depends on it.
    """
    create_campaign(storage, recipe.name, recipe.values(), protected_values(recipe), _usual())


def record_changes(ledger: Ledger, recipe: Recipe, fence: int) -> None:
    """Record that the recipe changed; an unchanged one leaves no event.

    Args:
      ledger: the campaign's ledger.
      recipe: of this run.
      fence: the lease's fencing number.

    Raises:
      ProtectedValueError: a protected value differs, and something depends on it.
      StaleLeaseError: another run holds the cycle now.
    """
    change_recipe(ledger, recipe.values(), protected_values(recipe), fence, _usual())
