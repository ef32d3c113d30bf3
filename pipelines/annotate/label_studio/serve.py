"""Run the machine-learning backend until it is stopped."""

from __future__ import annotations

import logging
import signal
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from types import FrameType

import click

from components.contracts.process.quiet import import_tensorflow
from components.contracts.recipe.recipe import Recipe
from components.contracts.step.context import set_environment
from pipelines.annotate.label_studio.after import After
from pipelines.local.ports import check_free

_TICK_SECONDS = 5


def serve(
    recipe: Recipe,
    root: str,
    place: tuple[str, int],
    command: Sequence[str] = (),
    after: int | None = None,
) -> None:
    """Answer Label Studio's requests.

    Args:
      recipe: of the campaign.
      root: the campaign root.
      place: address and port to listen on.
      command: to start when tasks have been submitted.
      after: how many of them; None: the recipe's `feedback.min_new_labels`.

    Raises:
      StreetloopError: there is no champion, or the port is used.
    """
    logging.basicConfig(level=logging.WARNING, format="%(message)s")
    logging.getLogger("streetloop").setLevel(logging.INFO)
    host, port = place
    check_free(host, port)
    set_environment()
    import_tensorflow()
    import uvicorn

    from pipelines.annotate.label_studio.backend import backend
    from pipelines.annotate.label_studio.proposals import Proposals

    proposals = Proposals(recipe, root)
    counted = After(after or recipe.feedback.min_new_labels, command) if command else None
    server = uvicorn.Server(
        uvicorn.Config(backend(proposals, counted), host=host, port=port, log_level="warning")
    )
    click.echo(
        f"Predicting for Label Studio on http://{host}:{port} (press Ctrl-C to stop). Connect it "
        "under Settings, Model."
    )
    stopped = threading.Event()
    ticker = threading.Thread(target=_tick, args=(counted, stopped), daemon=True)
    ticker.start()
    # When it has shut down, uvicorn raises the signal that stopped it once more, out of `run`.
    with _ending_on_sigterm():
        try:
            server.run()
        finally:
            stopped.set()
            if counted is not None:
                counted.stop()


@contextmanager
def _ending_on_sigterm() -> Iterator[None]:
    """Let SIGTERM raise SystemExit, as Ctrl-C raises KeyboardInterrupt; by default it ends the process.

    The code is 0: a stop that a service manager asks for is no failure.
    """

    def end(number: int, frame: FrameType | None) -> None:
        raise SystemExit(0)

    before = signal.signal(signal.SIGTERM, end)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _tick(after: After | None, stopped: threading.Event) -> None:
    while after is not None and not stopped.wait(_TICK_SECONDS):
        after.tick()
