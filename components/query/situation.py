"""What a query finds: the images, how many of them it may ask for, and the models."""

from __future__ import annotations

from components.contracts.data.records import POOL, Records
from components.contracts.ledger import layout
from components.contracts.ledger.state import State
from components.contracts.ledger.units import free_tiles, labeled_units, waiting_units
from components.contracts.model.embedding import Embedder
from components.contracts.model.judge import load_judge
from components.contracts.recipe.query import QuerySettings
from components.contracts.step.context import Context
from components.contracts.step.done import read_marker
from components.contracts.step.results import TrainResult
from components.query.look import Model
from components.query.pool import Images


def images_of(state: State, records: Records, settings: QuerySettings) -> Images:
    """Divide the train part by what the ledger knows.

    Where regions are asked for, an image of which some are labeled is in both parts; one that waits for
    an answer is no candidate before it has come.
    """
    ids, waiting = records.ids(POOL), state.waiting
    gone = waiting | state.skipped.keys() | state.probes.keys()
    labeled = [i for i in ids if i in state.labels or i in waiting]
    if settings.grid is None:
        gone |= state.labels.keys()
        return Images([i for i in ids if i not in gone], labeled)
    candidates = [i for i in ids if i not in gone and free_tiles(state, i, settings.grid)]
    return Images(candidates, labeled)


def room_for(settings: QuerySettings, state: State) -> int:
    """Return how many images, or regions, may be asked for; 0 or less for none."""
    waiting = waiting_units(state, settings)
    count = settings.query_size - waiting
    if settings.label_budget is not None:
        count = min(count, settings.label_budget - labeled_units(state, settings) - waiting)
    return count


def load_model(context: Context, model: str) -> Model:
    """Load a model, and its discriminator if the strategy asks it."""
    judge = None
    if context.recipe.query.strategy == "discriminator":
        judge = load_judge(context.storage.local_dir(layout.model_folder(model)))
    predictor = context.predictor(model)
    return Model(predictor, Embedder(predictor.generator), judge)


def own_model(context: Context) -> str | None:
    """Return the model that this cycle trained, champion or not; None if it only asks for labels."""
    marker = read_marker(context.storage, context.cycle, "train")
    return None if marker is None else TrainResult.model_validate(marker.outputs).model
