"""The `streetloop` command. Heavy libraries are imported by the commands that need them."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import click

from components.contracts.process.errors import StreetloopError, UsageError
from pipelines.ablation.cli import ablate_command
from pipelines.campaign.feedback_cli import feedback_group
from pipelines.campaign.ledger_cli import ledger_group
from pipelines.label_studio.cli import annotate_group
from pipelines.options import opened, with_recipe


class Group(click.Group):
    """Prints an error that a person can act on, without a traceback; exits with 1 or 2."""

    def invoke(self, ctx: click.Context) -> Any:
        """Runs the chosen command."""
        try:
            return super().invoke(ctx)
        except UsageError as error:
            click.echo(f"streetloop: {error}", err=True)
            ctx.exit(2)
        except StreetloopError as error:
            click.echo(f"streetloop: {error}", err=True)
            ctx.exit(1)


@click.group(cls=Group, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="streetloop")
def main() -> None:
    """Semantic segmentation of street scenes from few labels.

    \b
    Example: streetloop run pipelines/recipes/synthetic.yaml
    """


@main.command()
@with_recipe
@click.option(
    "--cycles", type=click.IntRange(min=1), help="Trained cycles, instead of the recipe's."
)
@click.option("--fresh", is_flag=True, help="Discard the campaign that stands there, after asking.")
@click.option("--yes", is_flag=True, help="With --fresh: do not ask.")
@click.option("--skip-bad", is_flag=True, help="Leave broken images out and list them.")
def run(
    recipe: Path,
    root: str | None,
    changes: tuple[str, ...],
    data: str | None,
    cycles: int | None,
    fresh: bool,
    yes: bool,
    skip_bad: bool,
) -> None:
    """Run active-learning cycles on this machine, from where the campaign stands.

    \b
    Example: streetloop run pipelines/recipes/camvid_small.yaml --data ~/camvid --cycles 3
    """
    from pipelines.local.campaign import discard, run_campaign

    extra: tuple[str, ...] = (f"cycle.cycles={cycles}",) if cycles else ()
    extra += ("data.skip_bad=true",) if skip_bad else ()
    loaded, where = opened(recipe, root, changes + extra, data)
    if fresh:
        discard(where, yes)
    code = run_campaign(loaded, where, str(recipe))
    if code:
        sys.exit(code)


@main.command()
@with_recipe
@click.option("--json", "as_json", is_flag=True, help="Print JSON (fractions, not percent).")
def status(
    recipe: Path, root: str | None, changes: tuple[str, ...], data: str | None, as_json: bool
) -> None:
    """Show where a campaign stands, and what waits for people.

    \b
    Example: streetloop status pipelines/recipes/synthetic.yaml --json
    """
    from pipelines.local.campaign import show_status

    show_status(*opened(recipe, root, changes, data), as_json, str(recipe))


@main.command()
@with_recipe
@click.option(
    "--split", type=click.Choice(["dev", "val", "test"]), default="val", show_default=True
)
def evaluate(
    recipe: Path, root: str | None, changes: tuple[str, ...], data: str | None, split: str
) -> None:
    """Score the champion on a split, and write its report.

    \b
    Example: streetloop evaluate pipelines/recipes/synthetic.yaml --split val
    """
    from pipelines.campaign.champion import evaluate_champion

    evaluate_champion(*opened(recipe, root, changes, data), split)


@main.command()
@with_recipe
@click.option(
    "--output", type=click.Path(path_type=Path), default="pipeline.yaml", show_default=True
)
def compile(
    recipe: Path, root: str | None, changes: tuple[str, ...], data: str | None, output: Path
) -> None:
    """Compile the pipeline for a Kubeflow Pipelines cluster.

    \b
    Example: streetloop compile pipelines/recipes/cityscapes.yaml --root gs://bucket/run --output pipeline.yaml
    """
    from pipelines.cluster.run import compile_pipeline

    loaded, _ = opened(recipe, root, changes, data)
    compile_pipeline(loaded, root, output)
    click.echo(f"Wrote {output}.")


@main.command()
@click.option(
    "--model", required=True, metavar="FILE|DIR|models:/NAME@ALIAS", help="The generator."
)
@click.option(
    "--images", required=True, type=click.Path(path_type=Path), help="A folder of PNG or JPEG."
)
@click.option("--output", required=True, type=click.Path(path_type=Path), help="A folder.")
@click.option(
    "--size",
    metavar="HxW",
    help="Size at which the network sees images [default: as trained, unless their shape differs].",
)
@click.option(
    "--flip/--no-flip",
    default=None,
    help="Average with the mirrored image [default: as the model's recipe].",
)
@click.option(
    "--scales", metavar="A,B", help="Average over these zooms [default: as the model's recipe]."
)
@click.option("--window", metavar="HxW", help="Slide a window of this size over the image.")
@click.option(
    "--overlays", type=click.Path(path_type=Path), help="Also write coloured images to this folder."
)
@click.option(
    "--submission",
    type=click.Path(path_type=Path),
    metavar="ZIP",
    help="Also write a zip as the Cityscapes test server takes it.",
)
@click.option("--tracking-uri", metavar="URI", help="Where models:/… is looked up.")
def predict(
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
    """Predict label ids for a folder of images, each at its own size.

    \b
    Example: streetloop predict --model models:/synthetic@champion --images photos --output out
    """
    from pipelines.predict.run import Wanted, inference_changes, predict_folder

    changes = inference_changes(flip, scales, window)
    wanted = Wanted(output, size, changes, overlays, submission)
    count = predict_folder(model, images, wanted, tracking_uri)
    click.echo(f"Wrote {count} label maps to {output}.")


@main.command()
@with_recipe
@click.option("--port", default=5000, show_default=True, help="Port of the page.")
def ui(
    recipe: Path, root: str | None, changes: tuple[str, ...], data: str | None, port: int
) -> None:
    """Open the MLflow UI on the campaign's store.

    \b
    Example: streetloop ui pipelines/recipes/synthetic.yaml
    """
    from pipelines.local.campaign import serve_ui

    serve_ui(*opened(recipe, root, changes, data), port)


@main.command("compare")
@click.argument("campaigns", nargs=-1, required=True, metavar="RECIPE[@ROOT]...")
@click.option(
    "--output",
    type=click.Path(path_type=Path),
    default="compare.png",
    show_default=True,
    help="Where the learning curves are drawn.",
)
def compare_campaigns(campaigns: tuple[str, ...], output: Path) -> None:
    """Print campaigns side by side, and draw their learning curves.

    \b
    Example: streetloop compare synthetic.yaml synthetic.yaml@runs/random --output curves.png
    """
    from pipelines.campaign.compare import compare

    chosen = []
    for text in campaigns:
        recipe, _, root = text.partition("@")
        chosen.append(opened(Path(recipe), root or None, (), None))
    compare(chosen, output)


main.add_command(ablate_command)
main.add_command(ledger_group)
main.add_command(feedback_group)
main.add_command(annotate_group)

import pipelines.cluster.cli  # noqa: E402, F401 - adds the commands of a cluster
