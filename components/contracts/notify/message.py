"""What people are told of a campaign: one message per event, in words."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict

from components.contracts.recipe.notify import Kind

_LONGEST = 500  # characters of an error; the log has the rest


class Message(BaseModel):
    """One notification, as the command gets it in JSON.

    Attributes:
      event: what happened.
      campaign: the name of the campaign.
      root: the campaign root's URI.
      cycle: the cycle in which it happened; None for what happened between cycles.
      text: one or two sentences for people.
    """

    model_config = ConfigDict(frozen=True)

    event: Kind
    campaign: str
    root: str
    cycle: int | None
    text: str


def shortened(text: str) -> str:
    """Return a text that fits a chat message: on one line, and cut if it is long."""
    line = " ".join(text.split())
    return line if len(line) <= _LONGEST else f"{line[: _LONGEST - 1]}…"
