"""Predict label ids for a folder of images."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import click
from rich.progress import track

from components.contracts.process.quiet import import_tensorflow
from components.contracts.step.context import set_environment
from pipelines.console import make_console
from pipelines.predict.files import (
    check_submission,
    make_folder,
    photos_in,
    read_photo,
    submission_doubts,
    write,
    write_zip,
)
from pipelines.predict.model import model_file
from pipelines.predict.photo import PhotoPredictor
from pipelines.predict.view import Size, View
from tfds_cityscapes.files import SourceError


@dataclass(frozen=True)
class Outputs:
    """Where results go. What an earlier run left there is replaced, and is never an input image.

    Attributes:
      labels: the folder of the label maps.
      overlays: the folder of images with coloured predictions; None writes none.
      submission: a zip of all label maps for the Cityscapes test server; None writes none.
    """

    labels: Path
    overlays: Path | None = None
    submission: Path | None = None


class Predicted(NamedTuple):
    """The number of label maps, and of each photo that could not be read, what was wrong."""

    written: int
    unreadable: list[str]


def predict_folder(
    model: str, images: Path, outputs: Outputs, view: View, tracking_uri: str | None
) -> Predicted:
    """Predict every photo of a folder: X_leftImg8bit.png or X.jpg becomes X_labelIds.png.

    Args:
      model: a `generator.keras` file, its folder, or models:/NAME@ALIAS.
      images: a folder, whose subfolders are read, too, or a zip.
      outputs: what to write. Each label map has its image's own size.
      view: how the network sees an image.
      tracking_uri: the MLflow store for models:/; None: $MLFLOW_TRACKING_URI, else runs/mlflow.

    Returns:
      What was done. A photo that cannot be read does not stop the others.

    Raises:
      UsageError: a place or an image's name is not possible; nothing was predicted.
      StreetloopError: the model cannot be read, or a result cannot be written.
    """
    set_environment()
    import_tensorflow()
    import cv2

    from components.contracts.page.pictures import overlay, to_png
    from tfds_cityscapes.labels import to_label_ids

    folders = [outputs.labels] if outputs.overlays is None else [outputs.labels, outputs.overlays]
    photos = photos_in(images, folders)
    if outputs.submission is not None:
        check_submission(outputs.submission, list(photos.files))
        folders.append(outputs.submission.parent)
    file = model_file(model, tracking_uri)
    for folder in folders:
        make_folder(folder)
    predictor = PhotoPredictor(file, view)
    for note in photos.notes:
        click.echo(f"streetloop: {note}", err=True)
    written: dict[Path, Size] = {}
    unreadable: list[str] = []
    console = make_console(sys.stderr)
    for stem in track(list(photos.files), "Predicting", console=console, transient=True):
        try:
            image = read_photo(photos.files[stem])
        except SourceError as error:
            unreadable.append(str(error))
            continue
        size = (image.shape[0], image.shape[1])
        train_ids = predictor.train_ids(image)
        target = outputs.labels / f"{stem}_labelIds.png"
        write(target, cv2.imencode(".png", to_label_ids(train_ids))[1].tobytes())
        written[target] = size
        if outputs.overlays is not None:
            write(outputs.overlays / f"{stem}_overlay.png", to_png(overlay(image, train_ids)))
    if outputs.submission is not None:
        write_zip(outputs.submission, list(written))
        if doubts := submission_doubts(list(written.values())):
            click.echo(f"streetloop: {doubts}", err=True)
    return Predicted(len(written), unreadable)
