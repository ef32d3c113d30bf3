"""Show a query in the Kubeflow Pipelines UI."""

from __future__ import annotations

from typing import Any

from components.contracts.ledger.layout import WHY_PAGE
from components.contracts.step.results import QueryResult
from components.contracts.storage.open import open_storage

_NOTHING = b"<p>This cycle has asked for no labels.</p>"
_UNEXPLAINED = b"<p>The query was made by a version that explained nothing.</p>"


def fill(root: str, result: QueryResult, why: Any) -> None:
    """Fill the step's KFP artifact, a dsl.HTML, with the page that says why each image was asked for."""
    page = _NOTHING
    if result.prefix is not None:
        storage, name = open_storage(root), f"{result.prefix}/{WHY_PAGE}"
        page = storage.read(name) if storage.exists(name) else _UNEXPLAINED
    with open(why.path, "wb") as file:
        file.write(page)
