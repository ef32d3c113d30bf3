"""`streetloop annotate`: exchange annotation tasks with a Label Studio server."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable
from typing import Any

import click

from pipelines.options import Chosen, with_recipe

_server = click.option(
    "--label-studio",
    "url",
    required=True,
    metavar="URL",
    help="The server's address. The token is read from $LABEL_STUDIO_API_KEY.",
)


@click.group("annotate")
def annotate_group() -> None:
    """Exchange annotation tasks with Label Studio.

    \b
    Example: streetloop annotate push mycity.yaml --label-studio http://localhost:8080
    """


@annotate_group.command("push")
@with_recipe
@_server
def push_tasks(chosen: Chosen, url: str) -> None:
    """Upload the images that wait for labels, with the model's prediction. Safe to repeat.

    \b
    Example: streetloop annotate push mycity.yaml --label-studio http://localhost:8080
    """
    from pipelines.campaign.waiting import counted
    from pipelines.label_studio.connection import connect
    from pipelines.label_studio.exchange import push

    done = push(chosen.open()[1], connect(url), _track("Uploading"))
    click.echo(
        f"{counted(done.added, 'task')} added, {done.kept} existed. Label them at {done.url}"
    )


@annotate_group.command("pull")
@with_recipe
@_server
def pull_tasks(chosen: Chosen, url: str) -> None:
    """Fetch annotated and skipped tasks into the inbox. Safe to repeat.

    \b
    Example: streetloop annotate pull mycity.yaml --label-studio http://localhost:8080
    """
    from pipelines.campaign.waiting import counted
    from pipelines.label_studio.connection import connect
    from pipelines.label_studio.exchange import pull

    root = chosen.open()[1]
    done = pull(root, connect(url), _track("Fetching"))
    click.echo(f"{counted(done.annotated, 'annotated task')} and {done.skipped} skipped are new.")
    for name in done.files:
        click.echo(f"  {root}/{name}")
    if done.foreign:
        click.echo(
            f"{counted(done.foreign, 'task')} left out: the campaign did not ask for the image."
        )
    if done.files:
        click.echo("The next cycle reads them: run `streetloop run` again.")


def _track(what: str) -> Callable[[list[Any]], Iterable[Any]]:
    from rich.progress import track

    from pipelines.console import make_console

    return lambda items: track(items, what, console=make_console(sys.stderr), transient=True)
