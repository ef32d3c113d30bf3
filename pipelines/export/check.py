"""Compares an exported model with Keras on real images."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Iterable
from pathlib import Path

import numpy as np
from pydantic import BaseModel, ConfigDict

from components.contracts.process.errors import StreetloopError
from pipelines.export.formats import Format, Run
from tfds_cityscapes.labels import NUM_CLASSES, to_label_ids


class Checked(BaseModel):
    """How well a format agrees with Keras, and what it costs.

    Attributes:
      format, file: its name, and that of its file or folder.
      bytes: of all its files.
      images: how many it was compared on.
      agreement: share of their pixels that got the same class as from Keras.
      least: the smallest share that is accepted.
      milliseconds: median time per image on this machine.
    """

    model_config = ConfigDict(frozen=True)

    format: str
    file: str
    bytes: int
    images: int
    agreement: float
    least: float
    milliseconds: float

    @property
    def accepted(self) -> bool:
        """Whether the format agrees well enough to be used."""
        return self.agreement >= self.least

    @property
    def words(self) -> str:
        """Describe the result in one line."""
        return (
            f"{self.format:<12} {self.bytes / 1e6:7.1f} MB  {100 * self.agreement:7.3f} % of the pixels as "
            f"from Keras (at least {100 * self.least:g} %)  {self.milliseconds:.0f} ms per image"
        )


def compare(
    run: Run, keras: Callable[[np.ndarray], np.ndarray], images: Iterable[np.ndarray]
) -> tuple[float, int, float]:
    """Run both on images.

    Args:
      run: the exported model.
      keras: returns the train ids of an image, uint8 [H, W].
      images: uint8 [H, W, 3], at least one.

    Returns:
      The share of all pixels with the same class, the number of images, and the median time of `run`
      in milliseconds.

    Raises:
      StreetloopError: the answer has another shape than the image.
    """
    same = pixels = 0
    times = []
    for image in images:
        started = time.perf_counter()
        found = run(image)
        times.append(1000 * (time.perf_counter() - started))
        expected = to_label_ids(keras(image))
        shapes = (found.label_ids.shape, found.probabilities.shape)
        if shapes != (expected.shape, (*expected.shape, NUM_CLASSES)):
            raise StreetloopError(
                f"The exported model answers {shapes} to an image of {image.shape}. Please report this."
            )
        same += int((found.label_ids == expected).sum())
        pixels += expected.size
    return same / pixels, len(times), statistics.median(times)


def check(
    name: str,
    form: Format,
    path: Path,
    keras: Callable[[np.ndarray], np.ndarray],
    images: Iterable[np.ndarray],
) -> Checked:
    """Load what was written, and compare it with Keras; see `compare`."""
    run = form.run(path)
    agreement, count, milliseconds = compare(run, keras, images)
    files = [path] if path.is_file() else [p for p in path.rglob("*") if p.is_file()]
    return Checked(
        format=name,
        file=form.file,
        bytes=sum(file.stat().st_size for file in files),
        images=count,
        agreement=agreement,
        least=form.least,
        milliseconds=round(milliseconds, 2),
    )
