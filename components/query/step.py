"""Query, as a step of a cycle: asks for the labels that are worth most."""

from __future__ import annotations

from components.contracts.ledger.layout import query_folder
from components.contracts.recipe.query import StrategyName
from components.contracts.step.context import Context, begin
from components.contracts.step.results import QueryResult
from components.query.ask import write_query
from components.query.originals import Originals


def run(recipe: str, root: str, cycle: int, fence: int, records: str) -> QueryResult:
    """Rank the unlabeled pool, write the annotation tasks, and record the query.

    The champion ranks; without one (a cold start), chance does.
    """
    begin("query")
    context = Context(recipe, root, cycle, fence)
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
    gone = state.labels.keys() | state.outstanding.keys() | state.skipped.keys()
    candidates = [i for i in index.ids("train") if i not in gone]
    count = settings.query_size - len(state.outstanding)
    if settings.label_budget is not None:
        count = min(count, settings.label_budget - len(state.labels) - len(state.outstanding))
    if count <= 0 or not candidates:
        return QueryResult(asked=0, prefix=None)
    predictor = context.predictor(model) if model is not None else None
    strategy: StrategyName = settings.strategy if predictor is not None else "random"
    originals = Originals(context.recipe.data, context.recipe.seed, context.storage)
    with context.writing(query_folder(context.cycle)) as folder:
        chosen = write_query(
            folder,
            index,
            candidates,
            strategy,
            count,
            predictor,
            originals.image_of,
            context.recipe.seed,
            context.cycle,
        )
    context.ledger.commit(
        "query",
        key,
        {
            "cycle": context.cycle,
            "strategy": strategy,
            "model": model if strategy != "random" else None,
            "items": [s.to_json() for s in chosen],
        },
        fence=context.fence,
    )
    return _asked(context, key)


def _asked(context: Context, key: str) -> QueryResult:
    """Return what the ledger says of the query, which another process may have committed."""
    event = context.ledger.events()[context.ledger.state().keys[key]]
    return QueryResult(asked=len(event.payload.items), prefix=query_folder(context.cycle))
