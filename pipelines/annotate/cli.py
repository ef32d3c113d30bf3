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
    from pipelines.annotate.label_studio.connection import connect
    from pipelines.annotate.label_studio.exchange import push
    from pipelines.campaign.waiting import counted

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
    from pipelines.annotate.label_studio.connection import connect
    from pipelines.annotate.label_studio.exchange import pull
    from pipelines.campaign.waiting import counted

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


@annotate_group.command("serve")
@with_recipe
@click.option("--host", default="127.0.0.1", show_default=True, help="The address to listen on.")
@click.option("--port", type=click.IntRange(1, 65535), default=9090, show_default=True)
@click.option(
    "--then",
    metavar="COMMAND",
    help="Start this command when --after tasks have been submitted; it runs without a shell.",
)
@click.option(
    "--after",
    type=click.IntRange(min=1),
    help="How many submitted tasks start the command [default: the recipe's feedback.min_new_labels].",
)
def serve_proposals(
    chosen: Chosen, host: str, port: int, then: str | None, after: int | None
) -> None:
    """Predict tasks as people open them, with the newest champion.

    Connect it in Label Studio, under Settings, Model. For --then, also enter ADDRESS/webhook under
    Settings, Webhooks.

    \b
    Example: streetloop annotate serve mycity.yaml --then "sh cycle.sh" --after 20
    """
    import shlex

    from pipelines.annotate.label_studio.serve import serve

    recipe, root = chosen.open()
    try:
        command = shlex.split(then) if then else []
    except ValueError as error:
        raise click.BadParameter(f"{error}. Close every quote.", param_hint="--then") from error
    if after is not None and not command:
        raise click.UsageError("--after needs --then: name the command to start.")
    serve(recipe, root, (host, port), command, after)


def _track(what: str) -> Callable[[list[Any]], Iterable[Any]]:
    from rich.progress import track

    from pipelines.console import make_console

    return lambda items: track(items, what, console=make_console(sys.stderr), transient=True)
