"""The steps before the training in one task: on a cluster each task costs half a minute for its pods."""

from __future__ import annotations

from typing import NamedTuple

from components.contracts.ledger.lease import NO_CYCLE
from components.contracts.step.plan import Plan


class Prepared(NamedTuple):
    """What the steps before the training hand to those after it.

    Attributes:
      plan: what the cycle does next.
      cycle, fence: the lease.
      records: the folder of the records; "" without a cycle.
      parts: the folder of the labeled and the unlabeled part; "" if the cycle does not train.
    """

    plan: int
    cycle: int
    fence: int
    records: str
    parts: str


def run(recipe: str, root: str, owner: str, take_over: bool) -> Prepared:
    """Run open, preprocess, feedback and, if the cycle trains, split, as their own tasks would.

    Each keeps its marker, its log and its place in the cycle's report.
    """
    from components.cycle.open import run as open_cycle
    from components.feedback.step import run as feedback
    from components.preprocess.step import run as preprocess
    from components.split.step import run as split

    lease = open_cycle(recipe, root, owner, take_over)
    if lease == NO_CYCLE:
        return Prepared(Plan.NOTHING.value, *NO_CYCLE, "", "")
    records = preprocess(recipe, root, *lease)
    plan = feedback(recipe, root, *lease, records).plan
    parts = split(recipe, root, *lease, records).prefix if plan == Plan.TRAIN else ""
    return Prepared(plan.value, *lease, records, parts)
