"""The raw data set, at a local path that OpenCV and TFDS can read.

Preprocess reads the images. Of the masks in gtFine/train, preprocess reads those of `dev`, and feedback
those that the oracle answers with, that `feedback.existing` accepts, and that answers to probes are
compared with.
"""

from __future__ import annotations

import json
import tempfile
from pathlib import Path

from components.contracts.process.errors import StreetloopError
from components.contracts.process.progress import Progress
from components.contracts.process.uri import is_local, local_path
from components.contracts.recipe.data import DataSettings, SyntheticSettings
from components.contracts.storage.base import Storage
from components.contracts.storage.open import open_storage
from tfds_cityscapes.source import Source, SourceError, open_source

_NO_DATA = (
    "No data set: the recipe has neither data.source nor data.synthetic. Say where it is with --data "
    "PATH: a folder in the Cityscapes layout, or its zips."
)


def locate(data: DataSettings, seed: int, campaign: Storage, generated: str) -> Source:
    """Open the campaign's data set; generate it first if the recipe says so.

    Args:
      data: where the data is.
      seed: of generated streets.
      campaign: the campaign root.
      generated: the folder of generated streets in the campaign root.

    Raises:
      StreetloopError: the data does not exist, or the recipe does not say where it is.
    """
    from tfds_cityscapes.synthetic import SyntheticError

    try:
        if data.synthetic is not None:
            return open_source(_generated(data.synthetic, seed, campaign, generated))
        if data.source is None:
            raise StreetloopError(_NO_DATA)
        if not is_local(data.source):
            return open_source(open_storage(data.source).local_dir(""))
        return open_source(local_path(data.source))
    except (SourceError, SyntheticError) as error:
        raise StreetloopError(str(error)) from error


def check_exists(data: DataSettings) -> None:
    """Check that the data set is where the recipe says, without reading an image or downloading it.

    Raises:
      StreetloopError: it does not exist or holds no image, or the recipe does not say where it is.
    """
    if data.synthetic is not None:
        return
    if data.source is None:
        raise StreetloopError(_NO_DATA)
    try:
        if is_local(data.source):
            open_source(local_path(data.source))
        elif not open_storage(data.source).list():
            raise StreetloopError(
                f"Data set not found: {data.source} is empty. Correct data.source."
            )
    except SourceError as error:
        raise StreetloopError(str(error)) from error


def _generated(streets: SyntheticSettings, seed: int, campaign: Storage, folder: str) -> Path:
    from tfds_cityscapes.synthetic import generate

    marker = f"{folder}/complete"
    wanted = json.dumps({"seed": seed} | streets.model_dump(mode="json"), sort_keys=True).encode()
    found = campaign.read(marker) if campaign.exists(marker) else None
    # Others may be there: the settings may change until somebody is asked. Campaigns of 0.1.0 did
    # not write down which streets they have, and could not change them.
    if found not in (wanted, b""):
        campaign.delete(marker)
        campaign.delete_prefix(folder)
        progress = Progress("preprocess", "drawing streets", streets.images + streets.val)
        with tempfile.TemporaryDirectory(prefix="streetloop-") as drawn:
            generate(
                Path(drawn),
                seed=seed,
                images=streets.images,
                val=streets.val,
                size=streets.size,
                progress=lambda done, total: progress.update(done),
            )
            campaign.put_dir(Path(drawn), folder)
        campaign.write(marker, wanted)
    return campaign.local_dir(folder)
