"""`streetloop feedback`: annotation exports into a campaign's inbox, and what became of them."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

import click

from components.contracts.errors import UsageError
from pipelines.options import opened, with_recipe

if TYPE_CHECKING:
    from components.contracts.storage import Storage

_INBOX, _REJECTED = "inbox", "rejected"


@click.group("feedback")
def feedback_group() -> None:
    """Hand labels to a campaign, and see what it refused.

    \b
    Example: streetloop feedback list pipelines/recipes/synthetic.yaml
    """


@feedback_group.command("add")
@with_recipe
@click.argument("files", nargs=-1, required=True, type=click.Path(path_type=Path))
def add(files: tuple[Path, ...], **where: Any) -> None:
    """Copy exports into the inbox, each at once: half of a file is never read.

    \b
    Example: streetloop feedback add mycity.yaml export.json aachen_000003_000019_labelTrainIds.png
    """
    from components.contracts.storage import open_storage

    missing = [str(path) for path in files if not path.is_file()]
    if missing:
        raise UsageError(
            f"Expected annotation files; {', '.join(missing)} cannot be read. Nothing was copied."
        )
    storage = open_storage(opened(**where)[1])
    for path in files:
        click.echo(f"{path} -> {storage.uri}/{put(storage, path.name, path.read_bytes())}")
    click.echo("The next cycle takes them in: run `streetloop run` again.")


def put(storage: Storage, file_name: str, data: bytes) -> str:
    """Stores an export in the inbox under its own name; returns the name in the storage.

    The name may say whose mask it is, so it is kept; another file of that name, with other content,
    is not replaced: this one goes into a folder named by its hash.
    """
    name = f"{_INBOX}/{file_name}"
    if storage.exists(name) and storage.read(name) != data:
        name = f"{_INBOX}/{hashlib.sha256(data).hexdigest()[:12]}/{file_name}"
    storage.write(name, data)
    return name


@feedback_group.command("list")
@with_recipe
def list_files(**where: Any) -> None:
    """Print what waits in the inbox, and what was refused and why.

    \b
    Example: streetloop feedback list pipelines/recipes/synthetic.yaml
    """
    from components.contracts.storage import open_storage

    storage = open_storage(opened(**where)[1])
    names = storage.list(_INBOX)
    click.echo(f"{len(names)} files wait in {storage.uri}/{_INBOX}" + (":" if names else "."))
    for name in names:
        click.echo(f"  {name.removeprefix(_INBOX + '/')}")
    reasons = [n for n in storage.list(_REJECTED) if PurePosixPath(n).name == "reason.json"]
    click.echo(
        f"{len(reasons)} files were refused, in whole or in part" + (":" if reasons else ".")
    )
    for name in reasons:
        report = json.loads(storage.read(name))
        for row in report["refused"]:
            click.echo(f"  {row['name']}: {row['reason']}")
