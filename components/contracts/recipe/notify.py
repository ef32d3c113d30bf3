"""The settings of notifications: what people are told of."""

from __future__ import annotations

from typing import Literal, get_args

from pydantic import Field

from components.contracts.recipe.base import Settings

Kind = Literal["waiting_for_labels", "champion_changed", "cycle_failed", "budget_reached", "drift"]


class NotifySettings(Settings):
    """What to report to a webhook ($STREETLOOP_WEBHOOK_URL) or a command ($STREETLOOP_NOTIFY_COMMAND).

    Attributes:
      events: what is reported. Neither the webhook nor the command is a setting: the address of a webhook
        is a secret, and a recipe must not run a command.
    """

    events: list[Kind] = Field(default=list(get_args(Kind)))
