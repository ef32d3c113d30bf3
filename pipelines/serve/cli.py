"""`streetloop serve`."""

from __future__ import annotations

import click


@click.command("serve")
@click.argument("model", metavar="FILE|DIR|models:/NAME@ALIAS")
@click.option("--host", default="127.0.0.1", show_default=True, help="The address to listen on.")
@click.option("--port", type=click.IntRange(1, 65535), default=8080, show_default=True)
@click.option(
    "--poll",
    type=click.IntRange(min=1),
    default=60,
    show_default=True,
    metavar="SECONDS",
    help="How often to look whether the alias has moved.",
)
@click.option("--tracking-uri", metavar="URI", help="The MLflow store of models:/….")
def serve_command(model: str, host: str, port: int, poll: int, tracking_uri: str | None) -> None:
    """Answer requests with a model's label maps, until you stop it.

    It is MLflow's scoring server: POST {"inputs": [image]} to /invocations. When the alias moves to
    another version, after a promotion or a rollback, that version takes over.

    \b
    Example: streetloop serve models:/synthetic@champion
    """
    from pipelines.serve.run import Place, serve

    serve(model, tracking_uri, Place(host, port), poll)
