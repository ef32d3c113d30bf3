"""Measure which strategy saves labels."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal

from components.contracts.process.errors import UsageError
from streetloop.campaign import Place, open_recipe
from streetloop.figures import keeping_figures

if TYPE_CHECKING:
    from pipelines.simulate.analysis import Analysis


@keeping_figures
def simulate(
    recipe: Place,
    *,
    strategies: Sequence[str] = ("stratified", "random", "entropy", "auto"),
    seeds: Sequence[int] = (0, 1, 2, 3, 4),
    budgets: Sequence[int] = (8, 16, 32, 64),
    baseline: str = "stratified",
    query_size: int | None = None,
    split: Literal["dev", "val"] = "dev",
    steps: int | None = None,
    processes: int | None = None,
    root: Place | None = None,
    data: Place | None = None,
    settings: Mapping[str, Any] | None = None,
) -> Analysis:
    """Play a labeling campaign many times, and compare strategies; an interrupted simulation continues.

    Args:
      recipe: the YAML file.
      strategies: ways to choose images, as `query.strategy` names them; with @region behind it, as in
        entropy@region, one that chooses as many regions as those images have.
      seeds: repetitions.
      budgets: numbers of labels at which a model is fitted and scored.
      baseline: the strategy with which the others are compared.
      query_size: labels asked for at once; None: what is missing to the next budget.
      split: the images that are scored.
      steps: training steps per fit; None: the usual number.
      processes: fits that run side by side; None: one per processor.
      root: the folder of the results, not a campaign's; None: runs/<name>-simulation.
      data: the data set, in place of the recipe's.
      settings: changes to the recipe by dotted key.

    Returns:
      What the curves say, as `simulation.json` in the root holds it.

    Raises:
      StreetloopError: an argument or the recipe is wrong, or a fit failed.
      KeyboardInterrupt: the simulation was interrupted.
    """
    from pydantic import ValidationError

    from components.contracts.storage.open import open_storage
    from pipelines.simulate.analysis import Analysis
    from pipelines.simulate.plan import Design
    from pipelines.simulate.run import DATA
    from pipelines.simulate.run import simulate as run
    from pipelines.simulate.ways import NAMES

    if not seeds or not budgets or min(budgets) < 1:
        raise UsageError("Give simulate at least one seed, and budgets of at least one label.")
    if processes is not None and processes < 1:
        raise UsageError(
            f"Cannot run {processes} fits side by side. Give simulate processes of at least 1."
        )
    if unknown := [name for name in (baseline, *strategies) if name not in NAMES]:
        raise UsageError(f"Unknown strategy {unknown[0]!r}. Expected one of: {', '.join(NAMES)}.")
    found, place = open_recipe(recipe, root, data, settings, suffix="-simulation")
    try:
        design = Design.of(
            strategies,
            baseline,
            list(dict.fromkeys(seeds)),
            list(set(budgets)),
            steps,
            found.train.objectives,
            query_size=query_size,
            split=split,
        )
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        raise UsageError(f"simulate: {where} is {first['input']!r}. {first['msg']}.") from error
    if run(found, os.fspath(place), design, processes):
        raise KeyboardInterrupt
    return Analysis.model_validate_json(open_storage(place).read(DATA))
