"""The page of MLflow's UI on a campaign or an ablation."""

from __future__ import annotations

from components.contracts.ledger.ledger import Ledger
from components.contracts.recipe.recipe import Recipe
from components.contracts.recipe.tracking import store_uri
from components.contracts.step.context import set_environment
from components.contracts.storage.open import open_storage
from components.contracts.tracking.client import Tracker
from components.contracts.tracking.view import CAMPAIGNS, View, ablations, open_page

LOCAL = "http://127.0.0.1"  # where `streetloop ui` serves a store that is a file
PORT = 5000


def server_of(store: str, port: int = PORT) -> str:
    """Return the address at which people find a store's UI."""
    return store if store.startswith("http") else f"{LOCAL}:{port}"


def address_of(recipe: Recipe, root: str, port: int = PORT) -> str:
    """Return the address of the campaigns that are tracked with this one, or of the ablations in `root`.

    The view that it opens is saved in MLflow first. If that is out of reach, or rejects the credentials
    (which are not those of the browser), the address leads to MLflow's experiments.

    Args:
      recipe: the resolved recipe.
      root: the campaign root, or the folder of ablations.
      port: of the UI, if the store is a file.
    """
    set_environment()
    store = store_uri(recipe.tracking, root)
    tracker = Tracker(store, recipe.tracking.experiment)
    return open_page(server_of(store, port), tracker, _view(root))


def _view(root: str) -> View:
    storage = open_storage(root)
    if not Ledger(storage).state().created and storage.list("ablations"):
        return ablations(root)
    return CAMPAIGNS
