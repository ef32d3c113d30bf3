"""What the command asks of a process of its own: one fit of an ablation, or the records."""

from __future__ import annotations

from pathlib import Path

from pydantic import BaseModel

from components.contracts.recipe.recipe import Recipe
from pipelines.ablation.plan import Fit


class Order(BaseModel):
    """One job for `pipelines.ablation.fit`.

    Attributes:
      root: of the ablation.
      fit: None makes the records.
      run_id: the fit's run in MLflow; None if MLflow does not answer.
      error: the file to which the process writes why it failed.
    """

    recipe: Recipe
    root: str
    fit: Fit | None
    run_id: str | None
    error: Path
