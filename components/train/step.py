"""Train, as a step of a cycle: fits the networks and stores the model under its id."""

from __future__ import annotations

import tempfile
from pathlib import Path

from components.contracts.data.records import LABELED, POOL, UNLABELED_IDS, Records, read_ids
from components.contracts.ledger import layout
from components.contracts.ledger.labels import label_id
from components.contracts.step.context import Context, begin
from components.contracts.step.done import hash_inputs
from components.contracts.step.results import TrainResult
from components.contracts.tracking.client import milliseconds
from components.contracts.tracking.data import fingerprint_of, log_campaign_data
from components.contracts.tracking.training import TrainingLog


def run(recipe: str, root: str, cycle: int, fence: int, records: str, parts: str) -> TrainResult:
    """Fit a generator and a discriminator on this cycle's labels."""
    begin("train")
    context = Context(recipe, root, cycle, fence)
    context.keep_log("train")
    settings = context.recipe.train
    labeled = context.records(f"{parts}/{LABELED}")
    current = context.ledger.state().label_parts
    labels = {image_id: label_id(current[image_id]) for image_id in labeled.ids(POOL)}
    start = context.champion_before() if settings.warm_start else None
    inputs = {
        "settings": settings.facts(),
        "seed": context.recipe.seed,
        "records": records,
        "labels": labels,
        "start": start,
    }
    digest = hash_inputs(inputs)

    def body() -> TrainResult:
        tracker = context.tracker()
        run_id = context.opened.run_id
        tracker.log_dataset(run_id, "labeled", hash_inputs(labels), parts, "training")
        tracker.log_dataset(run_id, "records", fingerprint_of(records), records, "dev and val")
        campaign = context.ledger.state().campaign_run_id
        log_campaign_data(tracker, campaign, context.recipe.data, records)
        return _train(context, labeled, records, parts, start, digest)

    return context.once("train", inputs, TrainResult, body)


def _train(
    context: Context, labeled: Records, records: str, parts: str, start: str | None, digest: str
) -> TrainResult:
    # TensorFlow takes seconds to import: a step that is done needs none of it.
    import keras

    from components.contracts.model.files import load_generator, save_model
    from components.train.checkpoint import Checkpoint
    from components.train.driver import fit_records
    from components.train.system import system_metrics

    recipe, storage, tracker = context.recipe, context.storage, context.tracker()
    unlabeled = read_ids(storage.local_dir(parts) / UNLABELED_IDS)
    model = start and load_generator(storage.local_dir(layout.model_folder(start)))
    version = context.ledger.state().version
    run_id, opened = context.opened.run_id, milliseconds(context.opened.opened_at)
    with (
        tempfile.TemporaryDirectory(prefix="streetloop-") as folder,
        system_metrics(opened, recipe.tracking.system_metrics_seconds) as measured,
    ):
        state = Path(folder) / "state.npz"
        # Named by the inputs: a fit never resumes from the state of one with other settings.
        name = layout.checkpoint(context.cycle, digest)
        if storage.exists(name):
            storage.get_file(name, state)
        history = TrainingLog(storage, layout.training_log(context.cycle), resumed=state.exists())

        def report(step: int, metrics: dict[str, float]) -> None:
            tracker.log_series(run_id, [history.add(step, metrics, opened), *measured()])

        checkpoint = Checkpoint(state, lambda path: storage.put_file(path, name))
        done, _ = fit_records(
            context.records(records),
            labeled,
            unlabeled,
            recipe.train,
            recipe.seed,
            checkpoint,
            report,
            model,
        )
        generator, discriminator = done.networks.to_save()
        info = save_model(
            Path(folder) / "model",
            generator,
            discriminator,
            recipe=recipe.values(),
            ledger_version=version,
        )
        storage.put_dir(Path(folder) / "model", layout.model_folder(info.model_id))
    tracker.log_series(run_id, measured())
    tracker.set_tags(run_id, {"streetloop.precision": done.precision})
    keras.backend.clear_session()
    return TrainResult(
        model=info.model_id,
        steps=done.steps,
        best_step=done.best_step,
        dev_miou=done.dev_miou,
        waiting_for_data=done.waiting,
        parameters=generator.count_params(),
        precision=done.precision,
    )
