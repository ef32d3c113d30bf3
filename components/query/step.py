"""Query, as a step of a cycle: asks for the labels that are worth most."""

from __future__ import annotations

import json
from typing import Any

from components.contracts.data.records import Records
from components.contracts.model.files import load_generator
from components.contracts.model.predictor import Predictor
from components.contracts.process.progress import Progress
from components.contracts.recipe.inference import InferenceSettings
from components.contracts.recipe.query import QuerySettings
from components.contracts.step.context import Context, begin
from components.query.originals import Originals
from components.query.select import score_at_random, score_by_model, select
from components.query.tasks import write_tasks


def run(recipe: str, root: str, cycle: int, fence: int, records: str) -> dict[str, Any]:
    """Ranks the unlabeled pool, writes the annotation tasks, and records the query.

    The champion ranks; without one (a cold start), chance does.

    Returns:
      {"asked": how many images, "prefix": where the tasks lie}.
    """
    begin("query")
    context = Context(recipe, root, cycle, fence)
    settings = context.settings("query", QuerySettings)
    state = context.ledger.state()
    folder = context.storage.local_dir(records)
    index = Records(folder)
    gone = set(state.labels) | set(state.outstanding) | set(state.skipped)
    candidates = [i for i in index.ids("train") if i not in gone]
    count = settings.query_size - len(state.outstanding)
    if settings.label_budget is not None:
        count = min(count, settings.label_budget - len(state.labels) - len(state.outstanding))
    prefix = f"queries/{cycle}"
    key = f"query/{cycle}"
    model = state.champion.model if state.champion else None

    def body() -> dict[str, Any]:
        if count <= 0 or not candidates:
            return {"asked": 0, "prefix": None}
        predictor = None
        if model is not None:
            path = context.storage.local_dir(f"models/{model}") / "generator.keras"
            predictor = Predictor(
                load_generator(path), context.settings("inference", InferenceSettings)
            )
        strategy = settings.strategy if predictor is not None else "random"
        if predictor is None or strategy == "random":
            scored = score_at_random(candidates, context.seed, cycle)
        else:
            progress = Progress("query", "images ranked", len(candidates))
            scored = score_by_model(predictor, index, candidates, strategy, progress.update)
        chosen = select(scored, count)
        originals = Originals(context.data, context.seed, context.storage)
        with context.writing(prefix) as output:
            scores = {s.image_id: s.score for s in sorted(scored, key=lambda s: s.image_id)}
            (output / "scores.json").write_text(json.dumps(scores, indent=1))
            selection = [s.to_json() for s in chosen]
            (output / "selection.json").write_text(json.dumps(selection, indent=1))
            write_tasks(output, chosen, index, predictor, originals.image_of)
        event = context.ledger.commit(
            "query",
            key,
            {
                "cycle": cycle,
                "strategy": strategy,
                "model": model if strategy != "random" else None,
                "items": [s.to_json() for s in chosen],
            },
            fence=fence,
        )
        return {"asked": len(event.payload.items), "prefix": prefix}

    if key in state.keys:  # asked before a kill: what was asked stands
        return context.once("query", {"key": key}, lambda: _asked(context, state.keys[key], prefix))
    inputs = {
        "key": key,
        "model": model,
        "settings": settings.model_dump(mode="json"),
        "records": records,
    }
    return context.once("query", inputs, body)


def _asked(context: Context, number: int, prefix: str) -> dict[str, Any]:
    event = context.ledger.events()[number]
    return {"asked": len(event.payload.items), "prefix": prefix}
