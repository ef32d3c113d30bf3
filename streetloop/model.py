"""Label photos with a model."""

from __future__ import annotations

import os
import warnings
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from components.contracts.process.errors import UsageError
from components.contracts.process.uri import user_path
from pipelines.predict.view import View
from streetloop.figures import keeping_figures

if TYPE_CHECKING:
    import numpy as np


@dataclass(frozen=True)
class Prediction:
    """One labeled photo.

    Attributes:
      name: of the photo, without its ending and `_leftImg8bit`; of an array, its place: "0", "1".
      label_ids: Cityscapes label ids, uint8 [H, W], at the photo's own size.
    """

    name: str
    label_ids: np.ndarray


@keeping_figures
def predict(
    model: str | os.PathLike[str],
    images: str | os.PathLike[str] | Iterable[np.ndarray],
    *,
    view: View | None = None,
    tracking_uri: str | None = None,
) -> Iterator[Prediction]:
    """Label photos, one after the other as the result is iterated over.

    Args:
      model: a `generator.keras` file, its folder, or models:/NAME@ALIAS.
      images: a folder of photos, with its subfolders, or a zip; or arrays uint8 [H, W, 3] of RGB.
      view: how the network sees an image; None: as in its training.
      tracking_uri: the MLflow store for models:/; None: $MLFLOW_TRACKING_URI, else runs/mlflow.

    Returns:
      The label maps. A photo that cannot be read is left out with a warning.

    Raises:
      StreetloopError: the model or the folder cannot be read, or an array is not an image.
    """
    from components.contracts.process.quiet import import_tensorflow
    from components.contracts.step.context import set_environment

    set_environment()
    import_tensorflow()
    from pipelines.predict.model import model_file
    from pipelines.predict.photo import PhotoPredictor

    photos = (
        _read(user_path(os.fspath(images)))
        if isinstance(images, str | os.PathLike)
        else _checked(images)
    )
    predictor = PhotoPredictor(model_file(os.fspath(model), tracking_uri), view or View())
    return _predictions(predictor.train_ids, photos)


def _predictions(
    train_ids: Callable[[np.ndarray], np.ndarray], photos: Iterator[tuple[str, np.ndarray]]
) -> Iterator[Prediction]:
    from tfds_cityscapes.labels import to_label_ids

    for name, image in photos:
        yield Prediction(name, to_label_ids(train_ids(image)))


def _read(place: Path) -> Iterator[tuple[str, np.ndarray]]:
    """List the photos of a place now, and read each when it is needed."""
    from pipelines.predict.files import photos_in, read_photo
    from tfds_cityscapes.files import SourceError

    found = photos_in(place, [])
    for note in found.notes:
        warnings.warn(note, stacklevel=3)

    def read() -> Iterator[tuple[str, np.ndarray]]:
        for stem, file in found.files.items():
            try:
                image = read_photo(file)
            except SourceError as error:
                warnings.warn(f"{error} It is left out.", stacklevel=3)
                continue
            yield stem, image

    return read()


def _checked(images: Iterable[np.ndarray]) -> Iterator[tuple[str, np.ndarray]]:
    import numpy as np

    # One image is also a sequence of arrays: its rows.
    for place, image in enumerate([images] if isinstance(images, np.ndarray) else images):
        array = np.asarray(image)
        if array.dtype != np.uint8 or array.ndim != 3 or array.shape[2] != 3 or not array.size:
            raise UsageError(
                f"Image {place} is {array.dtype} {list(array.shape)}. Expected uint8 [H, W, 3], RGB."
            )
        yield str(place), array
