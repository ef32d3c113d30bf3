"""`streetloop feedback`: annotation exports into a campaign's inbox, and what became of them."""

from __future__ import annotations

import hashlib
import json
import re
from contextlib import suppress
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

import click

from components.contracts.ledger.inbox import BY, arrived
from components.contracts.ledger.layout import INBOX, REJECTED
from components.contracts.process.errors import UsageError
from pipelines.options import campaign_in, opened, with_recipe

if TYPE_CHECKING:
    from components.contracts.storage.base import Storage


@click.group("feedback")
def feedback_group() -> None:
    """Hand labels to a campaign, and see what it refused.

    \b
    Example: streetloop feedback list pipelines/recipes/synthetic.yaml
    """


@feedback_group.command("add")
@with_recipe
@click.argument("files", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option(
    "--annotator",
    metavar="NAME",
    help="Who made them, where the format does not say: PNG masks, CVAT, Cityscapes polygons.",
)
def add(files: tuple[Path, ...], annotator: str | None, **where: Any) -> None:
    """Copy exports into the inbox, each at once: half of a file is never read.

    \b
    Example: streetloop feedback add mycity.yaml export.json aachen_000003_000019_labelTrainIds.png
    """
    _check(files, annotator)
    storage = campaign_in(opened(**where)[1]).storage
    for path in files:
        name = put(storage, path.name, path.read_bytes(), annotator)
        click.echo(f"{path} -> {storage.uri}/{name}")
    click.echo("The next cycle takes them in: run `streetloop run` again.")


def _check(files: tuple[Path, ...], annotator: str | None) -> None:
    """UsageError, before anything is copied, if a file would be lost on the way."""
    from components.contracts.annotation.limits import MIB, Limits

    missing = [str(path) for path in files if not path.is_file()]
    if missing:
        raise UsageError(
            f"Expected annotation files; {', '.join(missing)} cannot be read. Nothing was copied. "
            "Name files, not folders: pack a folder as a zip, or use folder/*.png."
        )
    unseen = [str(path) for path in files if not arrived([path.name])]
    if unseen:
        raise UsageError(
            f"Expected names that the inbox looks at; {', '.join(unseen)!r} would be taken for files "
            "that are still being copied (.part, a leading dot, a line break). Nothing was copied. "
            "Rename them."
        )
    most = Limits().max_file_bytes
    large = [str(path) for path in files if path.stat().st_size > most]
    if large:
        raise UsageError(
            f"Expected files of at most {most // MIB} MiB; {', '.join(large)} are larger. Nothing "
            "was copied. Export fewer images at a time."
        )
    if annotator is not None and not re.fullmatch(r"[^./\\\s][^/\\\x00-\x1f]{0,99}", annotator):
        raise UsageError(
            f"Expected an annotator's name without / and \\, at most 100 characters; got {annotator!r}."
        )


def put(storage: Storage, file_name: str, data: bytes, annotator: str | None = None) -> str:
    """Stores an export in the inbox under its own name; returns the name in the storage.

    The name may say whose mask it is, so it is kept; another file of that name, with other content,
    is not replaced: this one goes into a folder named by its hash.
    """
    folder = f"{INBOX}/{BY}{annotator}" if annotator else INBOX
    name = f"{folder}/{file_name}"
    try:
        storage.create(name, data)
    except FileExistsError:
        with suppress(FileNotFoundError):  # it was taken in just now
            if storage.read(name) == data:
                return name
        name = f"{folder}/{hashlib.sha256(data).hexdigest()[:12]}/{file_name}"
        storage.write(name, data)
    return name


@feedback_group.command("list")
@with_recipe
def list_files(**where: Any) -> None:
    """Print what waits in the inbox, and what was refused and why.

    \b
    Example: streetloop feedback list pipelines/recipes/synthetic.yaml
    """
    storage = campaign_in(opened(**where)[1]).storage
    names = storage.list(INBOX)
    whole = arrived(names)
    click.echo(f"{len(whole)} files wait in {storage.uri}/{INBOX}" + (":" if whole else "."))
    for name in whole:
        click.echo(f"  {name.removeprefix(INBOX + '/')}")
    for name in sorted(set(names) - set(whole)):
        click.echo(f"  {name.removeprefix(INBOX + '/')!r}: not looked at, still being copied?")
    reasons = [n for n in storage.list(REJECTED) if PurePosixPath(n).name == "reason.json"]
    click.echo(
        f"{len(reasons)} files were refused, in whole or in part" + (":" if reasons else ".")
    )
    for name in reasons:
        report = json.loads(storage.read(name))
        click.echo(f"  {report['file']} (kept in {storage.uri}/{PurePosixPath(name).parent}):")
        for row in report["refused"]:
            click.echo(f"    {row['name']}: {row['reason']}")
