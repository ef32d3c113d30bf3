"""`streetloop evaluate`: the champion's scores and report."""

from __future__ import annotations

import json
from typing import Any

import click
from rich.table import Table

from components.contracts.ledger import layout
from components.contracts.ledger.ledger import Ledger
from components.contracts.process.errors import StreetloopError
from components.contracts.process.quiet import import_tensorflow
from components.contracts.recipe.recipe import Recipe
from components.contracts.step.context import set_environment
from components.contracts.storage.open import open_storage
from pipelines.campaign.display import percent
from pipelines.console import make_console


def evaluate_champion(recipe: Recipe, root: str, split: str) -> None:
    """Score the champion on a split; print the scores and write reports/<split>-<model>.*.

    Raises:
      StreetloopError: there is no champion, or the split has no labeled image.
    """
    set_environment()
    storage = open_storage(root)
    state = Ledger(storage).state()
    records_folders = [c.summary.records for c in state.trained if c.summary.records]
    if state.champion is None or not records_folders:
        raise StreetloopError(f"No champion in {storage.uri} yet. Run a cycle first.")
    import_tensorflow()
    from components.contracts.data.records import Records
    from components.contracts.model.files import load_generator
    from components.contracts.model.predictor import Predictor
    from components.evaluate.assess import assess, baseline
    from components.evaluate.gate import Decision
    from components.evaluate.report.page import examples_of, model_page, pictures_of

    records = Records(storage.local_dir(records_folders[-1]))
    if not records.ids(split):
        raise StreetloopError(
            f"No labeled image in {split} (the benchmark withholds the labels of test). Choose "
            "another with --split."
        )
    model = state.champion.model
    generator = load_generator(storage.local_dir(layout.model_folder(model)))
    predictor = Predictor(generator, recipe.inference)
    found = assess(predictor, records, split, recipe.evaluate.overlays)
    name = layout.score_report(split, model)
    scores = found.report().model_dump(mode="json") | {
        "split": split,
        "model": model,
        "inference": recipe.inference.model_dump(mode="json"),
        "baseline": baseline(found.confusion).model_dump(mode="json"),
    }
    storage.write(f"{name}.json", json.dumps(scores, indent=1).encode())
    pictures = pictures_of(predictor, records, [w.image_id for w in found.worst.list()])
    decision = Decision(True, [f"Champion since cycle {state.champion.cycle}."])
    page = model_page(
        recipe.name,
        state.champion.cycle,
        found,
        decision,
        pictures,
        split,
        examples=examples_of(predictor, records, found.confused),
        inference=recipe.inference,
    )
    storage.write(f"{name}.html", page.encode())
    _print_scores(scores, f"Champion {model[:12]} on {split} ({found.images} images), %")
    click.echo(f"Report: {storage.uri}/{name}.html")


def _print_scores(scores: dict[str, Any], title: str) -> None:
    table = Table(title=title, title_justify="left")
    for column in ("class", "IoU", "Dice", "accuracy"):
        table.add_column(column, justify="left" if column == "class" else "right")
    for name, row in scores["classes"].items():
        if row["pixels"]:
            table.add_row(name, percent(row["iou"]), percent(row["dice"]), percent(row["accuracy"]))
    table.add_section()
    means = [percent(scores[k]) for k in ("miou", "dice", "pixel_accuracy")]
    table.add_row("mean (pixel accuracy)", *means, style="bold")
    base = [percent(scores["baseline"][k]) for k in ("miou", "dice", "pixel_accuracy")]
    table.add_row(f"all {scores['baseline']['class']}", *base, style="dim")
    make_console().print(table)
