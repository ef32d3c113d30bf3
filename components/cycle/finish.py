"""What follows the end of a cycle, whatever interrupts it: its page, its news, its copy in MLflow."""

from __future__ import annotations

from components.contracts.ledger import layout
from components.contracts.ledger.lease import clean_up
from components.contracts.step.context import Context
from components.contracts.step.report import report_of
from components.cycle.campaign_page.write import write_campaign_page
from components.cycle.news import tell_closed
from components.cycle.runs import end_backlog, mirror_cycle


def finish(context: Context) -> None:
    """Do what a closed cycle leads to; a repetition does what is left.

    Args:
      context: the cycle, which the ledger says is closed.
    """
    publish(context)
    # Last: if this fails, everything else is done.
    if not context.storage.exists(layout.MLFLOW_IS_BEHIND):
        return
    tracker = context.tracker()
    mirror_cycle(context, tracker, context.opened, context.opened.run_id)
    end_backlog(context, tracker)


def publish(context: Context) -> None:
    """Delete what the newest cycle left in work/; write its page and tell people, if nobody has.

    A kill between the message and the note of it repeats the message: better twice than never.
    """
    clean_up(context.ledger)
    last, storage = context.ledger.state().last_cycle, context.storage
    if last is None or not last.closed or not storage.exists(layout.NOT_TOLD):
        return
    write_campaign_page(context.ledger, storage)
    # A run that had lost its lease may have left a note of a closing that failed.
    report = report_of(storage, last)
    if report is not None and storage.read(layout.NOT_TOLD) == str(last.fence).encode():
        tell_closed(context.at(last), report)
    storage.delete(layout.NOT_TOLD)
