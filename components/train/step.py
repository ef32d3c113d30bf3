"""Train, as a step of a cycle: fits the networks and stores the model under its hash."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

from components.contracts.data.records import Records, read_ids
from components.contracts.model.files import load_generator, save_model
from components.contracts.process.errors import StreetloopError
from components.contracts.process.progress import Progress
from components.contracts.recipe.tracking import TrackingSettings, store_uri
from components.contracts.recipe.train import TrainSettings
from components.contracts.step.context import Context, begin
from components.contracts.step.done import hash_inputs
from components.contracts.tracking.client import Tracker, milliseconds
from components.contracts.tracking.training import TrainingLog

log = logging.getLogger("streetloop")


def run(recipe: str, root: str, cycle: int, fence: int, records: str, parts: str) -> dict[str, Any]:
    """Fits a generator and a discriminator on this cycle's labels.

    Returns:
      {"model": its SHA-256, the name below models/ in the campaign root; "steps", "dev_miou"}.
    """
    begin("train")
    context = Context(recipe, root, cycle, fence)
    settings = context.settings("train", TrainSettings)
    labeled = Records(context.storage.local_dir(f"{parts}/labeled"))
    start = context.champion_before() if settings.warm_start else None
    state = context.ledger.state()
    labels = {i: state.labels[i][-1].sha256 for i in labeled.ids("train")}
    inputs = {
        "settings": settings.model_dump(mode="json"),
        "seed": context.seed,
        "records": records,
        "labels": labels,
        "start": start,
    }
    return context.once("train", inputs, lambda: _train(context, settings, labeled, inputs, parts))


def _train(
    context: Context,
    settings: TrainSettings,
    labeled: Records,
    inputs: dict[str, Any],
    parts: str,
) -> dict[str, Any]:
    import tempfile

    import keras

    from components.train.checkpoint import Checkpoint
    from components.train.devices import strategy_for
    from components.train.fit import fit
    from components.train.input.data import Data
    from components.train.system import system_metrics

    strategy = strategy_for(settings.gpus)
    storage, prefix, start = context.storage, inputs["records"], inputs["start"]
    records = Records(storage.local_dir(prefix))
    unlabeled = read_ids(storage.local_dir(parts) / "unlabeled.txt")
    data = Data.of(labeled, records, unlabeled, settings)
    if not len(data.labeled):
        raise StreetloopError("Expected labeled images to train on; there is none yet.")
    model = None if start is None else load_generator(storage.local_dir(f"models/{start}"))
    tracking = context.settings("tracking", TrackingSettings)
    tracker = Tracker(store_uri(tracking, context.root), tracking.experiment)
    version = context.ledger.state().version
    current = context.ledger.state().cycles[context.cycle]
    opened = milliseconds(current.opened_at)

    tracker.log_dataset(current.run_id, "labeled", hash_inputs(inputs["labels"]), parts, "training")
    tracker.log_dataset(current.run_id, "records", prefix.rpartition("/")[2], prefix, "dev and val")

    progress = Progress("train", "steps", settings.steps)
    with (
        tempfile.TemporaryDirectory(prefix="streetloop-") as folder,
        system_metrics(opened, tracking.system_metrics_seconds) as measured,
    ):
        state = Path(folder) / "state.npz"
        # Of these inputs: what an interrupted fit with other settings left is not gone on with.
        name = context.work(f"checkpoint/{hash_inputs(inputs)[:16]}.npz")
        if storage.exists(name):
            storage.get_file(name, state)
        history = TrainingLog(storage, context.cycle, goes_on=state.exists())

        def report(step: int, metrics: dict[str, float]) -> None:
            named = {k if "/" in k else f"train/{k}": v for k, v in metrics.items()}
            log.info("step %d: %s", step, ", ".join(f"{k} {v:.4f}" for k, v in named.items()))
            points = history.add(step, named, opened)
            tracker.log_series(current.run_id, [points, *measured()])

        checkpoint = Checkpoint(state, lambda path: storage.put_file(path, name))
        done = fit(
            data, settings, context.seed, checkpoint, model, report, progress.update, strategy
        )
        generator, discriminator = done.networks.to_save()
        info = save_model(
            Path(folder) / "model",
            generator,
            discriminator,
            recipe=context.recipe,
            ledger_version=version,
        )
        storage.put_dir(Path(folder) / "model", f"models/{info.model_id}")
    tracker.log_series(current.run_id, measured())
    keras.backend.clear_session()
    return {
        "model": info.model_id,
        "steps": done.steps,
        "best_step": done.best_step,
        "dev_miou": done.dev_miou,
        "waiting_for_data": done.waiting,
        "parameters": generator.count_params(),
    }
