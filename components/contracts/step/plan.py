"""What a cycle does after it has ingested labels."""

from __future__ import annotations

from enum import IntEnum


class Plan(IntEnum):
    """One number, since kfp.local finds only a task's single output in an `If`."""

    NOTHING = 0
    TRAIN = 1
    ASK = 2  # only ask for labels
