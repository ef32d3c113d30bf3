"""`streetloop predict`: label ids for a folder of images."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click
from rich.console import Console
from rich.progress import track

from components.contracts.process.errors import StreetloopError, UsageError
from components.contracts.recipe.inference import InferenceSettings
from components.contracts.step.context import set_environment
from pipelines.predict.files import (
    check_submission,
    images_in,
    make_folder,
    submission_doubts,
    write,
    write_zip,
)
from pipelines.predict.model import as_trained, model_file, seen_size


@dataclass(frozen=True)
class Wanted:
    """What `predict` writes, and how it looks at images.

    Attributes:
      output: where label maps go.
      size: "HxW" at which the network sees an image; None: the size that it was trained at, or for
        images of another shape that area: see `seen_size`.
      changes: of the inference that the model's own recipe names: flip, scales, window.
      overlays: where images with the prediction's colours go; None writes none.
      submission: a zip of all label maps, as the Cityscapes test server takes it; None writes none.

    What an earlier run left in these places is replaced, and is never an image to predict.
    """

    output: Path
    size: str | None
    changes: dict[str, Any]
    overlays: Path | None = None
    submission: Path | None = None


def predict_folder(model: str, images: Path, wanted: Wanted, tracking_uri: str | None) -> int:
    """Predicts every image of a folder: X_leftImg8bit.png or X.jpg becomes X_labelIds.png.

    Args:
      model: a `generator.keras` file, its folder, or models:/NAME@ALIAS.
      images: a folder; its subfolders are looked through as well.
      wanted: what to write. Label maps have each image's own size.
      tracking_uri: where models:/ is looked up; None: $MLFLOW_TRACKING_URI, else runs/mlflow.

    Returns:
      how many label maps were written.

    Raises:
      UsageError: a place or an image's name cannot be right; nothing was predicted.
      StreetloopError: the model or an image cannot be read, or a result cannot be written.
    """
    set_environment()
    import cv2
    import numpy as np

    from components.contracts.model.files import load_generator
    from components.contracts.model.predictor import Predictor
    from components.evaluate.report.pictures import overlay, to_png
    from tfds_cityscapes.labels import to_label_ids

    folders = [wanted.output] if wanted.overlays is None else [wanted.output, wanted.overlays]
    found = images_in(images, folders)
    if wanted.submission is not None:
        check_submission(wanted.submission, list(found))
        folders.append(wanted.submission.parent)
    shape = _parse_size(wanted.size)
    file = model_file(model, tracking_uri)
    for folder in folders:
        make_folder(folder)
    trained, own = as_trained(file)
    predictor = Predictor(load_generator(file), own.model_copy(update=wanted.changes))
    written: dict[Path, tuple[int, ...]] = {}
    console = Console(file=sys.stderr)
    for stem in track(list(found), "Predicting", console=console, transient=True):
        image = cv2.imread(str(found[stem]), cv2.IMREAD_COLOR)
        if image is None:
            raise StreetloopError(
                f"Expected an image in {found[stem]}; no decoder reads it. Remove it."
            )
        image = cv2.cvtColor(image, cv2.COLOR_BGR2RGB)
        size = image.shape[:2]
        seen = _resized(image, shape or seen_size(size, trained))
        train_ids = predictor.probabilities(seen, size).argmax(-1).astype(np.uint8)
        target = wanted.output / f"{stem}_labelIds.png"
        write(target, cv2.imencode(".png", to_label_ids(train_ids))[1].tobytes())
        written[target] = size
        if wanted.overlays is not None:
            write(wanted.overlays / f"{stem}_overlay.png", to_png(overlay(image, train_ids)))
    if wanted.submission is not None:
        write_zip(wanted.submission, list(written))
        if doubts := submission_doubts(list(written.values())):
            click.echo(f"streetloop: {doubts}", err=True)
    return len(written)


def inference_changes(flip: bool | None, scales: str | None, window: str | None) -> dict[str, Any]:
    """The options of `predict` that were given, as settings; UsageError if they cannot be right."""
    given: dict[str, Any] = {}
    if flip is not None:
        given["flip"] = flip
    try:
        if scales is not None:
            given["scales"] = tuple(float(text) for text in scales.split(","))
        if window is not None:
            given["window"] = _parse_size(window, "--window")
        InferenceSettings(**given)
    except ValueError as error:
        raise UsageError(
            f"Expected --scales as numbers from 0.1 to 4 (0.75,1,1.25) and --window as HxW of at least "
            f"32x32; got {scales!r} and {window!r}."
        ) from error
    return given


def _parse_size(size: str | None, option: str = "--size") -> tuple[int, int] | None:
    if size is None:
        return None
    height, _, width = size.lower().partition("x")
    if not (height.isdecimal() and width.isdecimal() and int(height) and int(width)):
        raise UsageError(f"Expected {option} as HEIGHTxWIDTH, as 256x512; got {size!r}.")
    return int(height), int(width)


def _resized(image: Any, size: tuple[int, int]) -> Any:
    import cv2

    if image.shape[:2] == size:
        return image
    shrinks = size[0] < image.shape[0]  # as the builder of the records decides it
    return cv2.resize(
        image, size[::-1], interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR
    )
