"""What a query finds: the images, how many of them it may ask for, and the models."""

from __future__ import annotations

from typing import TYPE_CHECKING

from components.contracts.ledger import layout
from components.contracts.ledger.state import State
from components.contracts.model.embedding import Embedder
from components.contracts.model.judge import load_judge
from components.contracts.recipe.query import QuerySettings
from components.contracts.step.context import Context
from components.contracts.step.done import read_marker
from components.contracts.step.results import TrainResult
from components.query.look import Model
from components.query.pool import Images

if TYPE_CHECKING:
    from components.contracts.data.records import Records


def images_of(state: State, records: Records) -> Images:
    """Divide the train part by what the ledger knows."""
    ids, waiting = records.ids("train"), state.waiting
    gone = state.labels.keys() | waiting | state.skipped.keys() | state.probes.keys()
    labeled = [i for i in ids if i in state.labels or i in waiting]
    return Images([i for i in ids if i not in gone], labeled)


def room_for(settings: QuerySettings, state: State) -> int:
    """Return how many images may be asked for; 0 or less for none."""
    waiting = len(state.waiting)
    count = settings.query_size - waiting
    if settings.label_budget is not None:
        count = min(count, settings.label_budget - len(state.labels) - waiting)
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
