"""`streetloop predict`: label ids for a folder of images."""

from __future__ import annotations

import sys
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import track

from components.contracts.context import set_environment
from components.contracts.errors import StreetloopError, UsageError
from components.contracts.inference_settings import InferenceSettings
from pipelines.predict_model import as_trained, model_file, seen_size

_ENDINGS = {".png", ".jpg", ".jpeg"}
_IMAGE = "_leftImg8bit"


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
      StreetloopError: the model or an image cannot be read.
    """
    set_environment()
    import cv2
    import numpy as np

    from components.contracts.inference import Predictor
    from components.contracts.model_io import load_generator
    from components.evaluate.pictures import overlay, to_png
    from tfds_cityscapes.labels import to_label_ids

    files = _images_in(images)
    shape = _parse_size(wanted.size)
    file = model_file(model, tracking_uri)
    trained, own = as_trained(file)
    predictor = Predictor(load_generator(file), own.model_copy(update=wanted.changes))
    wanted.output.mkdir(parents=True, exist_ok=True)
    written = []
    for path in track(files, "Predicting", console=Console(file=sys.stderr), transient=True):
        image = cv2.imread(str(path), cv2.IMREAD_COLOR)
        if image is None:
            raise StreetloopError(f"Expected an image in {path}; no decoder reads it. Remove it.")
        image = cv2.cvtColor(image, cv2.COLOR_BGR2RGB)
        seen = _resized(image, shape or seen_size(image.shape[:2], trained))
        train_ids = predictor.probabilities(seen, image.shape[:2]).argmax(-1).astype(np.uint8)
        stem = path.stem.removesuffix(_IMAGE)
        written.append(wanted.output / f"{stem}_labelIds.png")
        cv2.imwrite(str(written[-1]), to_label_ids(train_ids))
        if wanted.overlays is not None:
            wanted.overlays.mkdir(parents=True, exist_ok=True)
            (wanted.overlays / f"{stem}_overlay.png").write_bytes(to_png(overlay(image, train_ids)))
    if wanted.submission is not None:
        with zipfile.ZipFile(wanted.submission, "w") as archive:
            for path in written:
                archive.write(path, path.name)
    return len(files)


def _images_in(folder: Path) -> list[Path]:
    if not folder.is_dir():
        raise UsageError(f"Expected a folder of images; {folder} is none.")
    found = sorted(p for p in folder.rglob("*") if p.suffix.lower() in _ENDINGS)
    stems: dict[str, Path] = {}
    for path in found:
        stem = path.stem.removesuffix(_IMAGE)
        if stem in stems:
            raise StreetloopError(
                f"Expected one image a name; {path} and {stems[stem]} would both become "
                f"{stem}_labelIds.png. Rename one."
            )
        stems[stem] = path
    if not found:
        raise StreetloopError(f"Expected PNG or JPEG images in {folder}; found none.")
    return found


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
