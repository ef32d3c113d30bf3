"""`streetloop evaluate`: the champion's scores and report."""

from __future__ import annotations

import json
from typing import NamedTuple

import click
from rich.table import Table

from components.contracts.ledger import layout
from components.contracts.ledger.ledger import Ledger
from components.contracts.ledger.state import Champion, State
from components.contracts.process.errors import StreetloopError
from components.contracts.process.quiet import import_tensorflow
from components.contracts.process.words import counted
from components.contracts.recipe.recipe import Recipe
from components.contracts.scores.report import Baseline, SplitScores
from components.contracts.step.context import set_environment
from components.contracts.storage.open import open_storage
from pipelines.campaign.display import percent
from pipelines.console import make_console


class ChampionScores(NamedTuple):
    """The champion's scores on a split, those of the baseline, and the page that shows them."""

    model: str
    scores: SplitScores
    baseline: Baseline
    page: str


def evaluate_champion(recipe: Recipe, root: str, split: str) -> None:
    """Score the champion on a split and print the scores; see `score_champion`."""
    found = score_champion(recipe, root, split)
    _print_scores(found, split)
    click.echo(f"Report: {found.page}")


def champion_of(state: State, uri: str) -> tuple[Champion, str]:
    """Return the champion of a campaign, and the folder of its newest records.

    Raises:
      StreetloopError: there is none yet.
    """
    if state.champion is None or state.newest_records is None:
        raise StreetloopError(f"No champion in {uri} yet. Run a cycle first.")
    return state.champion, state.newest_records


def score_champion(recipe: Recipe, root: str, split: str) -> ChampionScores:
    """Score the champion on a split, and write reports/<split>-<model>.json and .html.

    Raises:
      StreetloopError: there is no champion, or the split has no labeled image.
    """
    set_environment()
    storage = open_storage(root)
    state = Ledger(storage).state()
    champion, records_folder = champion_of(state, storage.uri)
    import_tensorflow()
    from components.contracts.data.records import Records
    from components.contracts.model.files import load_generator
    from components.contracts.model.predictor import Predictor
    from components.evaluate.assess import assess, baseline
    from components.evaluate.gate import Decision
    from components.evaluate.report.page import examples_of, model_page, pictures_of

    records = Records(storage.local_dir(records_folder))
    if not records.ids(split):
        raise StreetloopError(
            f"No labeled image in {split} (the benchmark withholds the labels of test). Choose "
            "another with --split."
        )
    model = champion.model
    generator = load_generator(storage.local_dir(layout.model_folder(model)))
    predictor = Predictor(generator, recipe.inference)
    found = assess(predictor, records, split, recipe.evaluate.overlays)
    name = layout.score_report(split, model)
    scores, base = found.report(), baseline(found.confusion)
    stored = scores.model_dump(mode="json") | {
        "split": split,
        "model": model,
        "inference": recipe.inference.model_dump(mode="json"),
        "baseline": base.model_dump(mode="json"),
    }
    storage.write(f"{name}.json", json.dumps(stored, indent=1).encode())
    pictures = pictures_of(predictor, records, [w.image_id for w in found.worst.list()])
    decision = Decision(True, [f"Champion since cycle {champion.cycle}."])
    page = model_page(
        recipe.name,
        champion.cycle,
        found,
        decision,
        pictures,
        split,
        examples=examples_of(predictor, records, found.confused),
        inference=recipe.inference,
    )
    storage.write(f"{name}.html", page.encode())
    return ChampionScores(model, scores, base, f"{storage.uri}/{name}.html")


def _print_scores(found: ChampionScores, split: str) -> None:
    scores, base = found.scores, found.baseline
    title = f"Champion {found.model[:12]} on {split} ({counted(scores.images, 'image')}), %"
    table = Table(title=title, title_justify="left")
    for column in ("class", "IoU", "Dice", "accuracy"):
        table.add_column(column, justify="left" if column == "class" else "right")
    for name, row in scores.classes.items():
        if row.pixels:
            table.add_row(name, percent(row.iou), percent(row.dice), percent(row.accuracy))
    table.add_section()
    means = [percent(value) for value in (scores.miou, scores.dice, scores.pixel_accuracy)]
    table.add_row("mean (pixel accuracy)", *means, style="bold")
    least = [percent(value) for value in (base.miou, base.dice, base.pixel_accuracy)]
    table.add_row(f"all {base.name}", *least, style="dim")
    make_console().print(table)
