"""`streetloop run --fresh`: discard the campaign that is there."""

from __future__ import annotations

import click

from components.contracts.data.raw import check_exists
from components.contracts.ledger.campaign import discard_campaign
from components.contracts.ledger.layout import FOLDERS, LEDGER
from components.contracts.ledger.ledger import Ledger
from components.contracts.process.errors import StreetloopError
from components.contracts.process.words import counted
from components.contracts.recipe.data import DataSettings
from components.contracts.storage.open import open_storage
from pipelines.local.runner import check_not_held


def discard(root: str, data: DataSettings, yes: bool) -> None:
    """Delete the campaign at `root`, after describing it and asking. The caller holds its lock.

    Args:
      root: the campaign root.
      data: of the campaign that is to begin: a mistyped source must not cost the one that is there.
      yes: do not ask.

    Raises:
      LeaseHeldError: a run on a cluster works on it.
      StreetloopError: the new data set does not exist, or the user does not want to discard anything.
    """
    storage = open_storage(root)
    state = Ledger(storage).state()
    if not state.created:
        return
    check_exists(data)
    check_not_held(state, "Nothing was discarded")
    people = sum(1 for v in state.labels.values() if v[-1].annotator != "oracle")
    click.echo(
        f"--fresh discards campaign {state.name} in {storage.uri}: {counted(len(state.cycles), 'cycle')}, "
        f"{counted(len(state.labels), 'labeled image')} ({people} labeled by people), "
        f"{counted(len({c.model for c in state.champions}), 'champion')}. MLflow keeps its runs. These folders are "
        f"deleted there: {', '.join((LEDGER, *FOLDERS))}."
    )
    if not yes and not click.confirm("Discard it?"):
        raise StreetloopError("Nothing was discarded.")
    discard_campaign(storage)
