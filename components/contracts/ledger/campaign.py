"""Create a campaign, change its recipe, discard it."""

from __future__ import annotations

import hashlib
import shlex
from collections.abc import Mapping
from typing import Any

from components.contracts.ledger.events import Event, LedgerError, canonical, event_number
from components.contracts.ledger.layout import CAMPAIGN_PAGE, FOLDERS, LEDGER, WORK
from components.contracts.ledger.ledger import Ledger
from components.contracts.ledger.state import State
from components.contracts.process.uri import is_local, is_same_place
from components.contracts.recipe.base import value_at
from components.contracts.storage.base import Storage

NOTHING: Mapping[str, Any] = {}
_SOURCE = "data.source"  # earlier versions recorded it as somebody had written it


class ProtectedValueError(LedgerError):
    """A new recipe would change what a campaign may never change."""


def create_campaign(
    storage: Storage,
    name: str,
    recipe: Mapping[str, Any],
    protected: Mapping[str, Any],
    usual: Mapping[str, Any] = NOTHING,
) -> Ledger:
    """Create a campaign, or open the one that exists (its own recipe stays).

    Args:
        storage: the campaign root.
        name: the campaign's name.
        recipe: the resolved recipe as plain JSON values.
        protected: what may never change (data source, splits, classes, seed), by name, as plain
            JSON values.

    Raises:
        StorageError: the root cannot keep a ledger.
        ProtectedValueError: the existing campaign has other protected values.
    """
    ledger = Ledger(storage)
    if not ledger.state().created:
        storage.check_usable()
        ledger.commit(
            "campaign_created",
            "campaign",
            {"name": name, "recipe": dict(recipe), "protected": dict(protected)},
        )
    check_protected(ledger.state(), protected, usual)
    return ledger


def check_protected(
    state: State, protected: Mapping[str, Any], usual: Mapping[str, Any] = NOTHING
) -> None:
    """Reject protected values that differ from the campaign's, once anything depends on them.

    Raises:
        ProtectedValueError: names the value, what it is and what was given.
    """
    if not state.begun:
        return
    for key in sorted({*state.protected, *protected}):
        recorded = value_at(state.recipe, key, usual.get(key))
        before, after = state.protected.get(key, recorded), protected.get(key)
        if not _means_the_same(key, before, after):
            back = "Put it back"
            if key == _SOURCE and isinstance(before, str) and is_local(before):
                back = (
                    f"Give --data {shlex.quote(before)} (a link there, if the data set has moved)"
                )
            raise ProtectedValueError(
                f"{key} may not change in a campaign: campaign {state.name!r} has {before!r}, got "
                f"{after!r}. {back}, or use another --root (or --fresh) for a new campaign."
            )


def _means_the_same(key: str, before: Any, after: Any) -> bool:
    if key == _SOURCE and isinstance(before, str) and isinstance(after, str):
        return is_same_place(before, after)
    return canonical(before) == canonical(after)


def change_recipe(
    ledger: Ledger,
    recipe: Mapping[str, Any],
    protected: Mapping[str, Any],
    fence: int | None = None,
    usual: Mapping[str, Any] = NOTHING,
) -> Event | None:
    """Record that the campaign continues with another recipe; None if it is the same.

    Args:
        ledger: the campaign's ledger.
        recipe: the resolved recipe as plain JSON values.
        protected: as `create_campaign` takes it.
        fence: the lease's fencing number: a run without the lease must not change the recipe of the
            run that has it.
        usual: as `create_campaign` takes it.

    Raises:
        ProtectedValueError: a protected value differs, and something depends on it.
        StaleLeaseError: another run holds the cycle now.
    """
    digest = hashlib.sha256(canonical(dict(recipe)).encode()).hexdigest()
    while True:
        state = ledger.state()
        check_protected(state, protected, usual)
        changed = differences(state.recipe, recipe)
        if not changed:
            return None
        event = ledger.commit(
            "recipe_changed",
            f"recipe/{state.recipe_changes + 1}",
            {"recipe": dict(recipe), "changed": changed},
            fence=fence,
            check=lambda seen: check_protected(seen, protected, usual),
        )
        if hashlib.sha256(canonical(event.payload.recipe).encode()).hexdigest() == digest:
            return event


def differences(
    before: Mapping[str, Any], after: Mapping[str, Any], prefix: str = ""
) -> dict[str, list[Any]]:
    """Return dotted key -> [before, after] for every value that differs; None for a missing one."""
    found: dict[str, list[Any]] = {}
    for key in sorted({*before, *after}):
        old, new = before.get(key), after.get(key)
        if isinstance(old, Mapping) and isinstance(new, Mapping):
            found |= differences(old, new, f"{prefix}{key}.")
        elif canonical(old) != canonical(new):
            found[f"{prefix}{key}"] = [old, new]
    return found


def discard_campaign(storage: Storage) -> None:
    """Delete the campaign, its newest event first; the inbox (a person's files) stays.

    So does everything that no campaign writes: the root may hold the data set or other work as well.
    A kill in between leaves a shorter ledger or none, never one with a gap, and no work of a cycle that the
    next campaign would take for its own.
    """
    storage.delete_prefix(WORK)
    for name in sorted(storage.list(LEDGER), key=event_number, reverse=True):
        storage.delete(name)
    for folder in FOLDERS:
        storage.delete_prefix(folder)
    storage.delete(CAMPAIGN_PAGE)
