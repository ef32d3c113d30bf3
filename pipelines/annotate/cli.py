"""`streetloop annotate`: exchange annotation tasks with a server of Label Studio or CVAT."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable
from typing import Any

import click

from components.contracts.process.words import counted
from pipelines.options import Chosen, with_recipe


def _server(command: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command the options of a server, of which exactly one tool must be chosen."""
    for option in (
        click.option(
            "--organization",
            metavar="NAME",
            help="The short name of an organization in CVAT.",
        ),
        click.option(
            "--cvat",
            metavar="URL",
            help="The address of a CVAT server. The token is read from $CVAT_ACCESS_TOKEN, or a user "
            "from $CVAT_USERNAME and $CVAT_PASSWORD.",
        ),
        click.option(
            "--label-studio",
            metavar="URL",
            help="The address of a Label Studio server. The token is read from $LABEL_STUDIO_API_KEY.",
        ),
    ):
        command = option(command)
    return command


def _chosen(
    label_studio: str | None, cvat: str | None, only_cvat: dict[str, object]
) -> tuple[str, bool]:
    """Return the address of the server, and whether it is CVAT's; UsageError unless one is named.

    `only_cvat`: the values of options that Label Studio does not take.
    """
    url = label_studio or cvat
    if not url or (label_studio and cvat):
        raise click.UsageError("Name one server: --label-studio URL or --cvat URL.")
    wrong = [option for option, value in only_cvat.items() if value is not None]
    if label_studio and wrong:
        raise click.UsageError(f"{wrong[0]} is for CVAT only: use it with --cvat.")
    return url, bool(cvat)


@click.group("annotate")
def annotate_group() -> None:
    """Exchange annotation tasks with Label Studio or CVAT.

    \b
    Example: streetloop annotate push mycity.yaml --label-studio http://localhost:8080
    """


@annotate_group.command("push")
@with_recipe
@_server
@click.option(
    "--job-size",
    type=click.IntRange(min=1),
    help="How many images a job in CVAT has [default: 1].",
)
def push_tasks(
    chosen: Chosen,
    label_studio: str | None,
    cvat: str | None,
    organization: str | None,
    job_size: int | None,
) -> None:
    """Upload the images that wait for labels, with the model's prediction. Safe to repeat.

    \b
    Example: streetloop annotate push mycity.yaml --label-studio http://localhost:8080
    """
    only_cvat: dict[str, object] = {"--organization": organization, "--job-size": job_size}
    url, is_cvat = _chosen(label_studio, cvat, only_cvat)
    root, track = chosen.open()[1], _track("Uploading")
    if is_cvat:
        from pipelines.annotate.cvat import connection, push

        done = push.push(root, connection.connect(url, organization), track, job_size or 1)
    else:
        from pipelines.annotate.label_studio import connection as of_label_studio
        from pipelines.annotate.label_studio import exchange

        done = exchange.push(root, of_label_studio.connect(url), track)
    click.echo(
        f"{counted(done.added, 'image')} added, {done.kept} existed. Label them at {done.url}"
    )


@annotate_group.command("pull")
@with_recipe
@_server
def pull_tasks(
    chosen: Chosen, label_studio: str | None, cvat: str | None, organization: str | None
) -> None:
    """Fetch annotated and skipped tasks into the inbox. Safe to repeat.

    \b
    Example: streetloop annotate pull mycity.yaml --label-studio http://localhost:8080
    """
    url, is_cvat = _chosen(label_studio, cvat, {"--organization": organization})
    root, track = chosen.open()[1], _track("Fetching")
    if is_cvat:
        from pipelines.annotate.cvat import connection, pull

        done = pull.pull(root, connection.connect(url, organization), track)
    else:
        from pipelines.annotate.label_studio import connection as of_label_studio
        from pipelines.annotate.label_studio import exchange

        done = exchange.pull(root, of_label_studio.connect(url), track)
    click.echo(f"{counted(done.annotated, 'annotated image')} and {done.skipped} skipped are new.")
    for name in done.files:
        click.echo(f"  {root}/{name}")
    if done.foreign:
        click.echo(f"Left out, because the campaign did not ask: {counted(done.foreign, 'image')}.")
    if done.missing:
        click.echo(
            f"Waiting for a label, but not on the server: {counted(done.missing, 'image')}. Run "
            "`streetloop annotate push` again."
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
