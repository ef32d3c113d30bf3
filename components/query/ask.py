"""One query, for the step and for the command: look, choose, write the tasks."""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Literal, NamedTuple

import numpy as np

from components.contracts.data.records import Record, Records
from components.contracts.ledger.layout import WHY_PAGE
from components.contracts.model.embedding import Embedder
from components.contracts.process.progress import Progress
from components.contracts.recipe.query import QuerySettings, StrategyName
from components.contracts.regions.tiles import Tiles, grid
from components.contracts.scores.drift import Drift
from components.query.aggregation import aggregate_by
from components.query.drift import drift_of
from components.query.explain import Explainer
from components.query.facts import Facts, blind_pool, divided, pool_of
from components.query.look import Model, SecondLook, Watch, embedded_pool, look
from components.query.page import Asked, why_page
from components.query.pick import pick
from components.query.scored import Alike, Scored
from components.query.second_look import second_look
from components.query.strategies import STRATEGIES, looks
from components.query.streams import Stream
from components.query.tasks import Task, write_tasks

DRIFT_FILE = "drift.json"


class Query(NamedTuple):
    """What to ask for.

    Attributes:
      chosen: the first choice first.
      strategy: that chose.
      why: it was used, as a sentence; empty if the recipe names it.
      scores: of every candidate before the first choice, by id; those of regions, by id#number.
      alike: the labeled (or outstanding) image most like a chosen one, by its id; empty if the strategy does not look.
      drift: the pool against the images that people have labeled; None if no model has seen both.
    """

    chosen: list[Scored]
    strategy: StrategyName
    why: str
    scores: dict[str, float]
    alike: dict[str, Alike]
    drift: Drift | None = None


def make_query(
    records: Records,
    candidates: Sequence[str],
    labeled: Sequence[str],
    settings: QuerySettings,
    count: int,
    model: Model | None,
    seed: tuple[int, int],
    watch: Watch = lambda image_id, probabilities: None,
    beginner: Embedder | None = None,
    seen: Mapping[str, Facts] | None = None,
    free: Mapping[str, Sequence[int]] | None = None,
    unanswered: Collection[str] = (),
) -> Query:
    """Choose the images, or regions, to ask for.

    Args:
      records: of the train part.
      candidates: image ids.
      labeled: ids of the images that are labeled or outstanding.
      settings: the strategy, the aggregation, the gap in time, and the regions, if it asks for these.
      count: images, or regions, to ask for.
      model: looks at the images; without one, `beginner` does, or they are drawn evenly over cities and
        time.
      seed: the campaign's, and the cycle: of chance.
      watch: called with the id and the probabilities of each image that the model looks at.
      beginner: describes the images in a cold start, from which typical ones are then chosen.
      seen: what the same model has said of some of the images; it does not look at them again.
      free: the numbers of the regions that may be asked for, by image id; None: all of them.
      unanswered: the ids of `labeled` that have no label yet.

    Raises:
      StreetloopError: the model's output is not finite, or the strategy needs what it lacks.
    """
    rng = np.random.default_rng(seed)
    name = _without_model(settings.strategy) if model is None else settings.strategy
    facts: dict[str, Facts] | None = None
    drift = None
    if model is None and beginner is not None:
        name = "typical"
        progress = Progress("query", "images looked at", len(candidates) + len(labeled))
        pool = embedded_pool(records, candidates, labeled, beginner, progress.update)
    elif model is None or not looks(name):
        pool = blind_pool(records, candidates, labeled)
    else:
        facts = dict(seen or {})
        left = [[i for i in ids if i not in facts] for ids in (candidates, labeled)]
        facts |= facts_for(records, left[0], left[1], settings, model, seed, watch)
        pool = pool_of(records, candidates, labeled, facts)
        # What waits for its label, or had it rejected, says nothing of what people have labeled.
        answered = sorted(set(labeled) - set(unanswered))
        compared = pool_of(records, candidates, answered, facts) if unanswered else pool
        # Chance of its own: the choice must not depend on it.
        drift = drift_of(compared, Stream.DRIFT.of(seed), settings.drift_limit)
    if settings.grid is not None:
        every = grid(*settings.grid).numbers
        pool = divided(pool, free or dict.fromkeys(pool.ids, every), facts)
    picked = pick(pool, name, count, settings.min_gap, rng, settings.regions_per_image)
    explainer = Explainer(pool, sorted(labeled), STRATEGIES[picked.strategy].reason)
    scores = dict(zip(pool.names, map(float, picked.scores), strict=True))
    chosen = [
        Scored(pool.ids[index], score, explainer.explain(index)) for index, score in picked.choices
    ]
    if settings.grid is not None:
        tiles = [pool.tiles[index] for index, _ in picked.choices]
        chosen = _by_image(chosen, tiles, grid(*settings.grid))
    alike = {
        pool.ids[index]: near for index, _ in picked.choices if (near := explainer.nearest(index))
    }
    return Query(chosen, picked.strategy, picked.why, scores, alike, drift)


def _by_image(chosen: Sequence[Scored], numbers: Sequence[int], every: Tiles) -> list[Scored]:
    """Put the chosen regions of each image together: with the score and the reason of the first one."""
    first: dict[str, Scored] = {}
    found: dict[str, list[int]] = {}
    for one, number in zip(chosen, numbers, strict=True):
        first.setdefault(one.image_id, one)
        found.setdefault(one.image_id, []).append(number)
    return [
        replace(one, tiles=every.of(found[image_id]), cost=len(found[image_id]) / every.size)
        for image_id, one in first.items()
    ]


def facts_for(
    records: Records,
    candidates: Sequence[str],
    labeled: Sequence[str],
    settings: QuerySettings,
    model: Model,
    seed: tuple[int, int],
    watch: Watch,
) -> dict[str, Facts]:
    """Look at some images as `make_query` does, whose arguments these are."""
    name, again = settings.strategy, dict[str, SecondLook]()
    if name != "auto" and STRATEGIES[name].own_measure:
        again = {name: second_look(name, model, settings.samples, Stream.DROPOUT.of(seed))}
    update = Progress("query", "images ranked", len({*candidates, *labeled})).update
    aggregate = aggregate_by(settings)
    return look(model, records, candidates, labeled, again, update, watch, aggregate, settings.grid)


def _without_model(strategy: StrategyName | Literal["auto"]) -> StrategyName:
    """Return what to use in a cold start."""
    return strategy if strategy != "auto" and not looks(strategy) else "stratified"


def write_query(
    folder: Path,
    query: Query,
    records: Records,
    model: Model | None,
    image_of: Callable[[Record], np.ndarray],
    title: str,
) -> None:
    """Write scores.json, selection.json, drift.json, the annotation tasks, and the page that explains them.

    Args:
      folder: an empty folder.
      query: what to ask for.
      records: of the train part.
      model: pre-annotates; None writes no predictions.
      image_of: returns what annotators see of a record, uint8 [H, W, 3], RGB, at native size.
      title: of the page.
    """
    (folder / "scores.json").write_text(json.dumps(query.scores, indent=1))
    if query.drift is not None:
        (folder / DRIFT_FILE).write_text(query.drift.model_dump_json(indent=1))
    rows = [s.to_json() for s in query.chosen]
    (folder / "selection.json").write_text(json.dumps(rows, indent=1))
    prefill = None if model is None else partial(_predicted, model)
    tasks = [
        Task(s.image_id, s.reason, () if s.tiles is None else (s.tiles,)) for s in query.chosen
    ]
    write_tasks(folder, tasks, records, prefill, image_of)
    asked = Asked(query.chosen, query.alike, query.strategy, query.why, len(query.scores))
    page = why_page(title, asked, records, None if model is None else model.predictor)
    (folder / WHY_PAGE).write_text(page)


def _predicted(model: Model, record: Record) -> np.ndarray:
    return model.predictor.classes(record.image, (record.entry.height, record.entry.width))
