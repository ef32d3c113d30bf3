"""`streetloop export`."""

from __future__ import annotations

from pathlib import Path

import click

from pipelines.options import PATH, Chosen, with_recipe

_FORMATS = ("saved_model", "float16", "int8", "onnx")


@click.command("export")
@with_recipe
@click.option("--output", required=True, type=PATH, help="The folder of the exported model.")
@click.option(
    "--format",
    "formats",
    multiple=True,
    type=click.Choice(_FORMATS),
    help="A format; may be repeated. float16 and int8 are TFLite [default: all but onnx].",
)
@click.option(
    "--size", metavar="HxW", help="Input size of TFLite and ONNX [default: as in training]."
)
@click.option(
    "--images",
    type=click.IntRange(min=1),
    default=20,
    show_default=True,
    help="How many images each format is compared with Keras on.",
)
@click.option("--licence", help="The licence of the model, for its card.")
def export_command(
    chosen: Chosen,
    output: Path,
    formats: tuple[str, ...],
    size: str | None,
    images: int,
    licence: str | None,
) -> None:
    """Export the champion for use without Streetloop.

    Each format is compared with Keras on images of the campaign, and refused if it differs. The
    folder also gets a model card and an MLflow model for `mlflow models serve`.

    \b
    Example: streetloop export pipelines/recipes/synthetic.yaml --output exported
    """
    from pipelines.export.run import Wanted, export_champion
    from pipelines.predict.view import View

    fixed = View.parse(size, None, None, None).size
    wanted = Wanted(list(dict.fromkeys(formats or _FORMATS[:3])), fixed, images, licence)
    export_champion(*chosen.open(), output, wanted)
    click.echo(f"Wrote {output}.")
