"""`streetloop export`: the champion in formats that need no code of this project."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import click
from pydantic import TypeAdapter

from components.contracts.ledger import layout
from components.contracts.ledger.state import Champion
from components.contracts.process.errors import StreetloopError, UsageError
from components.contracts.process.files import write_text
from components.contracts.process.quiet import import_tensorflow
from components.contracts.recipe.inference import InferenceSettings
from components.contracts.recipe.recipe import Recipe
from components.contracts.step.context import Context, set_environment
from components.contracts.step.report import CycleReport
from components.contracts.tracking.registry import describe_version
from components.contracts.tracking.source import git_sha
from pipelines.campaign.champion import champion_of
from pipelines.export.card import Card
from pipelines.export.check import Checked, check
from pipelines.export.formats import FORMATS, Source, check_onnx
from pipelines.export.images import calibration_images, check_images
from pipelines.export.mlflow_model import FOLDER, write_mlflow_model
from pipelines.predict.files import make_folder
from pipelines.predict.photo import PhotoPredictor
from pipelines.predict.view import Size, View

if TYPE_CHECKING:
    import numpy as np

    from components.contracts.data.records import Records

REPORT = "export.json"
CARD = "README.md"
_CALIBRATION = 64  # images; a hundred or fewer are enough for ranges of activations


@dataclass(frozen=True)
class Wanted:
    """What to export.

    Attributes:
      formats: names of FORMATS.
      size: height and width that formats of a fixed size accept; None: as in training.
      images: how many images to compare on.
      licence: for the model card, in the user's words.
    """

    formats: Sequence[str]
    size: Size | None = None
    images: int = 20
    licence: str | None = None


def export_champion(recipe: Recipe, root: str, output: Path, wanted: Wanted) -> list[Checked]:
    """Export the champion of a campaign, and compare each format with Keras.

    Args:
      recipe: of the campaign.
      root: the campaign root.
      output: the folder to write; what an earlier export left there is replaced.
      wanted: the formats.

    Returns:
      The results, in the order of the formats.

    Raises:
      StreetloopError: there is no champion, or a format agrees too little with Keras; that one is not
        kept, the others are.
      UsageError: the folder holds something else, or a size has to be given.
    """
    set_environment()
    context = Context(recipe.resolved(), root)
    champion, prefix = champion_of(context.ledger.state(), context.storage.uri)
    if output.exists() and not (output / REPORT).exists() and _holds_something(output):
        raise UsageError(f"{output} holds something else than an export. Name another folder.")
    if "onnx" in wanted.formats:
        check_onnx()
    import_tensorflow()
    from components.contracts.model.files import GENERATOR_FILE, read_model_info

    folder = context.storage.local_dir(layout.model_folder(champion.model))
    info = read_model_info(folder)
    # Exports see an image once and as a whole, so they are compared with that.
    keras = PhotoPredictor(folder / GENERATOR_FILE, View(), InferenceSettings())
    fixed = wanted.size or keras.trained
    if fixed is None:
        raise UsageError(
            "The model was trained on images of several sizes. Name one for the formats of a fixed size: "
            "--size HxW."
        )
    records = context.records(prefix)
    source = Source(
        keras.generator,
        keras.trained,
        fixed,
        lambda: calibration_images(records, fixed, _CALIBRATION),
    )
    make_folder(output)
    write_text(output / REPORT, "[]\n")  # from now on, the folder is one of exports
    _remove_earlier(output)
    done = [
        export_one(name, source, keras, records, output, wanted.images) for name in wanted.formats
    ]
    kept = [one for one in done if one.accepted]
    write_text(
        output / REPORT, TypeAdapter(list[Checked]).dump_json(done, indent=1).decode() + "\n"
    )
    report = _report(context, champion)
    card = Card(
        recipe=recipe,
        model=champion.model,
        cycle=champion.cycle,
        ledger_version=info.ledger_version,
        git_sha=git_sha(),
        labeled=report.labeled if report else None,
        scores=report.val if report else None,
        fixed=fixed,
        exports=kept,
        licence=wanted.licence,
    )
    write_text(output / CARD, card.markdown())
    if any(one.format == "saved_model" for one in kept):
        write_mlflow_model(output / FORMATS["saved_model"].file, output / FOLDER)
    describe_version(context.tracker(), recipe.name, champion.model, card.markdown())
    if refused := [one.format for one in done if not one.accepted]:
        raise StreetloopError(
            f"Not exported, since too many pixels got another class than from Keras: {', '.join(refused)}. "
            "A longer training helps: its model is more certain. The other formats are complete."
        )
    return done


def _remove_earlier(output: Path) -> None:
    """Delete what an earlier export wrote, whatever is exported now: it may be of another champion."""
    for form in FORMATS.values():
        _remove(output / form.file)
        _remove(output / f"{form.file}.part")
    _remove(output / FOLDER)
    _remove(output / CARD)


def _holds_something(output: Path) -> bool:
    return not output.is_dir() or any(output.iterdir())


def export_one(
    name: str, source: Source, keras: PhotoPredictor, records: Records, output: Path, images: int
) -> Checked:
    """Write one format into the folder and check it; keep it only if it agrees."""
    form = FORMATS[name]
    part, target = output / f"{form.file}.part", output / form.file
    form.write(source, part)
    size = None if form.any_size else source.fixed
    result = check(name, form, part, _classes(keras, size), check_images(records, size, images))
    click.echo(result.words + ("" if result.accepted else "  REFUSED"))
    if result.accepted:
        part.rename(target)
    else:
        _remove(part)
    return result


def _classes(keras: PhotoPredictor, fixed: Size | None) -> Callable[[np.ndarray], np.ndarray]:
    """Return what Keras says: of a photo as a photo, of an image of the fixed size as it is."""
    return keras.train_ids if fixed is None else keras.train_ids_as_seen


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def _report(context: Context, champion: Champion) -> CycleReport | None:
    """Return the report of the cycle that trained the champion."""
    try:
        text = context.storage.read(layout.cycle_report(champion.cycle))
    except FileNotFoundError:
        return None
    return CycleReport.model_validate_json(text)
