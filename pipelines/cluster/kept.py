"""Read the logs that the steps of a cluster's runs keep in the campaign root."""

from __future__ import annotations

from pathlib import Path

from components.contracts.ledger.layout import LOGS, run_logs
from components.contracts.ledger.ledger import Ledger
from components.contracts.process.errors import StreetloopError
from components.contracts.process.uri import is_local
from components.contracts.recipe.cluster import STEPS
from components.contracts.recipe.recipe import Recipe
from components.contracts.storage.base import Storage
from components.contracts.storage.open import open_storage
from pipelines.cluster.places import campaign_root
from pipelines.cluster.steps import STEP_OF, component_of
from pipelines.local.step_log import last_error


def kept_log(
    recipe: Recipe, root: str | None, name: str | None, run_id: str | None
) -> tuple[str, str] | None:
    """Return the place of a step's kept log, and the log; None if there is none that we can read.

    Args:
      recipe: the campaign's recipe.
      root: as for `compile_pipeline`.
      name: the step. None: the one that ends with an error, else the last one of the cycle.
      run_id: the run. None: the one that worked on the campaign last.
    """
    try:
        storage = _storage(recipe, root)
        if storage is None:
            return None
        run = run_id or _newest_run(storage)
        if run is None:
            return None
        texts = {
            step: storage.read(file).decode(errors="replace")
            for file in storage.list(run_logs(run))
            if component_of(step := Path(file).stem)
        }
    except StreetloopError:
        return None
    chosen = name or _telling(texts)
    if chosen not in texts:
        return None
    return f"{chosen}: as kept in {storage.uri}/{run_logs(run)}", texts[chosen]


def copy_words(recipe: Recipe, root: str | None) -> str:
    """Return where a copy of the log may be."""
    place = campaign_root(recipe, root)
    if place is None:
        return "Give --root to read the copy that the step kept there."
    if is_local(place) and not Path(place).is_dir():
        return f"The step kept a copy in {place}/{LOGS} on the volume, which this machine does not see."
    return f"There is no copy in {place}/{LOGS} either."


def _storage(recipe: Recipe, root: str | None) -> Storage | None:
    place = campaign_root(recipe, root)
    if place is None or (is_local(place) and not Path(place).is_dir()):
        return None
    return open_storage(place)


def _newest_run(storage: Storage) -> str | None:
    last = Ledger(storage).state().last_cycle
    return None if last is None else last.owner


def _telling(texts: dict[str, str]) -> str | None:
    """Return the step whose log somebody looks for who names none."""
    order = sorted(texts, key=lambda name: (STEPS.index(STEP_OF[component_of(name) or name]), name))
    failed = [step for step in order if last_error(texts[step].splitlines()[-1:])]
    return failed[0] if failed else (order[-1] if order else None)
