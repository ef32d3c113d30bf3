"""`streetloop feedback`: hand annotation exports to a campaign, and see what became of them."""

from __future__ import annotations

from pathlib import Path

import click

from components.contracts.process.words import counted
from pipelines.options import PATH, Chosen, open_campaign, with_recipe


@click.group("feedback")
def feedback_group() -> None:
    """Hand labels to a campaign, and see which were rejected.

    \b
    Example: streetloop feedback list pipelines/recipes/synthetic.yaml
    """


@feedback_group.command("add")
@with_recipe
@click.argument("files", nargs=-1, required=True, type=PATH)
@click.option(
    "--annotator",
    metavar="NAME",
    help="Who made the labels, for formats that do not say: masks, CVAT, labelme, COCO, polygons.",
)
def add(chosen: Chosen, files: tuple[Path, ...], annotator: str | None) -> None:
    """Copy annotation exports into the inbox; the next cycle reads them.

    \b
    Example: streetloop feedback add mycity.yaml export.json aachen_000003_000019_labelTrainIds.png
    """
    from components.contracts.ledger.inbox import hand_in
    from pipelines.campaign.waiting import handed_in_words

    recipe, root = chosen.open()
    ledger = open_campaign(root)
    storage = ledger.storage
    for path, name in zip(files, hand_in(storage, files, annotator), strict=True):
        click.echo(f"{path} -> {storage.uri}/{name}")
    click.echo(handed_in_words(recipe, ledger.state()))


@feedback_group.command("list")
@with_recipe
def list_files(chosen: Chosen) -> None:
    """Print which files wait in the inbox, and which were rejected and why.

    \b
    Example: streetloop feedback list pipelines/recipes/synthetic.yaml
    """
    from components.contracts.ledger.inbox import arrived
    from components.contracts.ledger.layout import INBOX
    from pipelines.campaign.rejected import rejected_files, rejected_masks

    ledger = chosen.ledger()
    storage = ledger.storage
    names = storage.list(INBOX)
    whole = arrived(names)
    click.echo(f"Waiting in {storage.uri}/{INBOX}: {counted(len(whole), 'file')}.")
    for name in whole:
        click.echo(f"  {name.removeprefix(INBOX + '/')}")
    for name in sorted(set(names) - set(whole)):
        click.echo(f"  {name.removeprefix(INBOX + '/')!r}: ignored; is it still being copied?")
    rejected = rejected_files(ledger)
    click.echo(f"Rejected, completely or in part: {counted(len(rejected), 'file')}.")
    for file in rejected:
        click.echo(f"  {file.name} (kept in {storage.uri}/{file.folder}):")
        for row in file.rows:
            click.echo(f"    {row.words}")
    masks = rejected_masks(ledger)
    if masks:
        click.echo(
            f"Rejected of the data set: {counted(len(masks), 'mask')}. Correct them there; the next "
            "cycle reads them."
        )
    for row in masks:
        click.echo(f"  {row.words}")
