"""`streetloop run --fresh`: discard the campaign that is there."""

from __future__ import annotations

import click

from components.contracts.data.raw import check_exists
from components.contracts.ledger.campaign import discard_campaign
from components.contracts.ledger.events import utc_now
from components.contracts.ledger.layout import FOLDERS, LEDGER
from components.contracts.ledger.lease import LeaseHeldError
from components.contracts.ledger.ledger import Ledger
from components.contracts.ledger.state import State
from components.contracts.process.errors import StreetloopError
from components.contracts.recipe.data import DataSettings
from components.contracts.storage.open import open_storage
from pipelines.local.runner import LOCAL


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
    _check_not_held(state)
    people = sum(1 for v in state.labels.values() if v[-1].annotator != "oracle")
    click.echo(
        f"--fresh discards campaign {state.name} in {storage.uri}: {len(state.cycles)} cycles, "
        f"{len(state.labels)} labeled images ({people} labeled by people), "
        f"{len({c.model for c in state.champions})} champions. MLflow keeps its runs. These folders are "
        f"deleted there: {', '.join((LEDGER, *FOLDERS))}."
    )
    if not yes and not click.confirm("Discard it?"):
        raise StreetloopError("Nothing was discarded.")
    discard_campaign(storage)


def _check_not_held(state: State) -> None:
    """Reject a campaign that a cluster's run works on: the lock of this machine does not exclude it."""
    last = state.last_cycle
    if last and last.held(utc_now()) and not last.owner.startswith(LOCAL):
        raise LeaseHeldError(
            f"Nothing was discarded: run {last.owner!r} holds cycle {last.cycle} until {last.expires_at}. "
            "Wait until it ends, or terminate it: its exit step gives the cycle back.",
            last.owner,
        )
