"""Query, as a step of a cycle: asks for the labels that are worth most."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from components.contracts.ledger import layout
from components.contracts.ledger.units import free_tiles
from components.contracts.model.embedding import Embedder, encoder_embedder
from components.contracts.process.progress import tell
from components.contracts.scores.drift import Drift
from components.contracts.step.context import Context, begin
from components.contracts.step.results import QueryResult
from components.query.ask import DRIFT_FILE, make_query, write_query
from components.query.facts import Facts
from components.query.originals import Originals
from components.query.pool import Images
from components.query.probes import draw, mix
from components.query.shard import stored
from components.query.situation import images_of, load_model, own_model, room_for
from components.query.strategies import STRATEGIES
from components.query.streams import Stream
from components.query.watch import Watcher

if TYPE_CHECKING:
    from components.contracts.data.records import Records
    from components.contracts.model.predictor import Predictor


def run(recipe: str, root: str, cycle: int, fence: int, records: str) -> QueryResult:
    """Choose from the unlabeled pool, write the annotation tasks, and record the query.

    The champion looks at the images; without one (a cold start), they are drawn at random, evenly over
    cities and time, or the pretrained encoder looks at them (`split.initial_by`).
    """
    begin("query")
    context = Context(recipe, root, cycle, fence)
    context.keep_log("query")
    state = context.ledger.state()
    key = f"query/{cycle}"
    if key in state.keys:  # asked before a kill: that query stands
        return context.once("query", {"key": key}, QueryResult, lambda: _asked(context, key))
    model = state.champion.model if state.champion else None
    inputs = {
        "key": key,
        "model": model,
        "settings": context.recipe.query.model_dump(mode="json"),
        "records": records,
    }
    return context.once("query", inputs, QueryResult, lambda: _ask(context, key, records, model))


def _ask(context: Context, key: str, records: str, model: str | None) -> QueryResult:
    settings, state, index = context.recipe.query, context.ledger.state(), context.records(records)
    images = images_of(state, index, settings)
    count, own = room_for(settings, state), own_model(context)
    watcher = Watcher(own, images.candidates) if own and images.candidates else None
    if count <= 0 or not images.candidates:
        _keep(context, watcher, index, None)
        return QueryResult(asked=0, prefix=None, regions=None if settings.grid is None else 0)
    chance = (context.recipe.seed, context.cycle)
    rng = Stream.PROBES.of(chance)
    probes = _draw_probes(context, images, count, rng)
    candidates = [i for i in images.candidates if i not in probes]
    looking = None if model is None else load_model(context, model)
    watch = watcher.see if watcher and own == model else _ignore
    seen: dict[str, Facts] = {}
    for facts, sample in stored(context, images, model, records) if model else ():
        seen |= facts
        if watcher and sample:
            watcher.add(sample)
    beginner = _beginner(context) if model is None else None
    of = settings.grid
    free = None if of is None else {i: free_tiles(state, i, of) for i in candidates}
    unanswered = [i for i in images.labeled if i not in state.labels]
    query = make_query(
        *(index, candidates, images.labeled, settings, count, looking, chance),
        *(watch, beginner, seen, free, unanswered),
    )
    _keep(context, watcher, index, looking.predictor if looking and own == model else None)
    if query.why:
        tell("query", f"{query.why} Strategy: {query.strategy}.")
    if query.drift is not None and query.drift.exceeded:
        tell("query", f"The pool differs from the labeled images: {query.drift.words}.")
    query = query._replace(chosen=mix(query.chosen, probes, rng))
    originals = Originals(context.recipe.data, context.recipe.seed, context.storage)
    title = f"{context.recipe.name}, cycle {context.cycle}: why these images"
    with context.writing(layout.query_folder(context.cycle)) as folder:
        write_query(folder, query, index, looking, originals.image_of, title)
    context.ledger.commit(
        "query",
        key,
        {
            "cycle": context.cycle,
            "strategy": query.strategy,
            "model": model if STRATEGIES[query.strategy].needs_model else None,
            "items": [s.to_json() for s in query.chosen],
            "probes": sorted(probes),
        },
        fence=context.fence,
    )
    return _asked(context, key)


def _draw_probes(
    context: Context, images: Images, count: int, rng: np.random.Generator
) -> list[str]:
    """Draw the probes of a query that chooses `count` of the candidates."""
    share, state = context.recipe.query.probes, context.ledger.state()
    if not share:
        return []

    def masked() -> set[str]:
        return {item.image_id for item in context.source().items if item.label}

    probes = draw(images, masked, state, (share, min(count, len(images.candidates))), rng)
    if not probes:
        tell("query", "No probes: the data set has no mask of an image that could be one.")
    return probes


def _beginner(context: Context) -> Embedder | None:
    """Return what looks at the images in a cold start; None if they are drawn by chance."""
    recipe = context.recipe
    # An image is typical as a whole: nothing says which of its regions are.
    if recipe.split.initial_by == "chance" or recipe.query.unit == "region":
        return None
    return encoder_embedder(recipe.train.network.encoder)


def _keep(
    context: Context, watcher: Watcher | None, records: Records, predictor: Predictor | None
) -> None:
    """Store what the cycle's own model predicts for a few images of the pool."""
    if watcher is None:
        return
    predictor = predictor or context.predictor(watcher.sample.model)
    data = watcher.complete(predictor, records)
    context.storage.write(layout.pool_sample(context.cycle), data)


def _ignore(image_id: str, probabilities: np.ndarray) -> None:
    """Keep nothing of a prediction that another cycle's model made."""


def _asked(context: Context, key: str) -> QueryResult:
    """Return what the ledger says of the query, which another process may have committed."""
    event = context.ledger.events()[context.ledger.state().keys[key]]
    prefix, items = layout.query_folder(context.cycle), event.payload.items
    regions = [len(item.tiles.numbers) for item in items if item.tiles is not None]
    return QueryResult(
        asked=len(items),
        prefix=prefix,
        drift=_drift(context, prefix),
        regions=sum(regions) if regions else None,
    )


def _drift(context: Context, prefix: str) -> Drift | None:
    """Read how far the pool was from the labeled images; None if the query did not look at both."""
    name = f"{prefix}/{DRIFT_FILE}"
    if not context.storage.exists(name):
        return None
    return Drift.model_validate_json(context.storage.read(name))
