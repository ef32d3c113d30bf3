"""One query, for the step and for the command: rank, choose, write the tasks."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from components.contracts.data.records import Record, Records
from components.contracts.model.predictor import Predictor
from components.contracts.process.progress import Progress
from components.contracts.recipe.query import StrategyName
from components.query.select import Scored, score_at_random, score_by_model, select
from components.query.tasks import write_tasks


def write_query(
    folder: Path,
    records: Records,
    candidates: Sequence[str],
    strategy: StrategyName,
    count: int,
    predictor: Predictor | None,
    image_of: Callable[[Record], np.ndarray],
    seed: int,
    cycle: int,
) -> list[Scored]:
    """Rank the candidates, and write scores.json, selection.json and the tasks of the best ones.

    Args:
      folder: an empty folder.
      records: of the pool.
      candidates: image ids.
      strategy: how they are ranked; "random" needs no predictor.
      count: images to ask for.
      predictor: ranks and pre-annotates; None writes no predictions.
      image_of: returns what annotators see of a record, uint8 [H, W, 3], RGB, at native size.
      seed, cycle: of chance.

    Returns:
      the chosen images, the highest score first.
    """
    if predictor is None or strategy == "random":
        scored = score_at_random(candidates, seed, cycle)
    else:
        progress = Progress("query", "images ranked", len(candidates))
        scored = score_by_model(predictor, records, candidates, strategy, progress.update)
    chosen = select(scored, count)
    scores = {s.image_id: s.score for s in sorted(scored, key=lambda s: s.image_id)}
    (folder / "scores.json").write_text(json.dumps(scores, indent=1))
    (folder / "selection.json").write_text(json.dumps([s.to_json() for s in chosen], indent=1))
    write_tasks(folder, chosen, records, predictor, image_of)
    return chosen
