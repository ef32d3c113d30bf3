"""`streetloop predict`."""

from __future__ import annotations

from pathlib import Path

import click

from components.contracts.process.errors import StreetloopError
from pipelines.options import PATH


@click.command("predict")
@click.option(
    "--model", required=True, metavar="FILE|DIR|models:/NAME@ALIAS", help="The generator."
)
@click.option(
    "--images",
    required=True,
    type=PATH,
    help="A folder of PNG, JPEG, WebP, BMP or TIFF files, with subfolders, or a zip.",
)
@click.option("--output", required=True, type=PATH, help="The folder of the label maps.")
@click.option(
    "--size",
    metavar="HxW",
    help="Size at which the network sees an image [default: as in training, or for images of another "
    "shape their own shape at that area].",
)
@click.option(
    "--flip/--no-flip",
    default=None,
    help="Average with the mirrored image [default: as in the model's recipe].",
)
@click.option(
    "--scales", metavar="A,B", help="Average over these zooms [default: as in the model's recipe]."
)
@click.option(
    "--window",
    metavar="HxW",
    help="Slide a window over the image [default: as in the model's recipe].",
)
@click.option(
    "--overlays", type=PATH, help="Also write images with coloured predictions to this folder."
)
@click.option(
    "--submission",
    type=PATH,
    metavar="ZIP",
    help="Also write a zip for the Cityscapes test server.",
)
@click.option("--tracking-uri", metavar="URI", help="The MLflow store of models:/….")
def predict_command(
    model: str,
    images: Path,
    output: Path,
    size: str | None,
    flip: bool | None,
    scales: str | None,
    window: str | None,
    overlays: Path | None,
    submission: Path | None,
    tracking_uri: str | None,
) -> None:
    """Predict label ids for a folder of images.

    Each label map has the size of its image. Images that cannot be read are listed at the end.

    \b
    Example: streetloop predict --model models:/synthetic@champion --images photos --output out
    """
    from pipelines.predict.run import Outputs, predict_folder
    from pipelines.predict.view import View

    view = View.parse(size, flip, scales, window)
    outputs = Outputs(output, overlays, submission)
    predicted = predict_folder(model, images, outputs, view, tracking_uri)
    click.echo(f"Wrote {predicted.written} label maps to {output}.")
    if broken := predicted.unreadable:
        all_of = f"{len(broken)} of {predicted.written + len(broken)} images"
        listed = "".join(f"\n  {why}" for why in broken)
        raise StreetloopError(
            f"{all_of} could not be read:{listed}\nRepair or remove them, and run again."
        )
