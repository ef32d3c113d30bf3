"""`python -m pipelines.simulate.job ORDER.json`: carry out trials in a process of their own."""

from __future__ import annotations

import sys
from pathlib import Path

from components.contracts.ledger.events import to_iso, utc_now
from components.contracts.storage.base import Storage
from components.contracts.tracking.client import milliseconds
from components.contracts.tracking.source import git_sha
from pipelines.experiment.job import carry_out
from pipelines.simulate.plan import TrialOrder, key_of
from pipelines.simulate.result import TrialResult, read_result, write_result


def main(path: str) -> int:
    """Carry out an order; return the exit code."""
    order = TrialOrder.model_validate_json(Path(path).read_text())

    def work(storage: Storage) -> None:
        if order.trials:
            _run_trials(order, storage)
        else:
            from pipelines.simulate.bed import prepare

            prepare(order.recipe, storage)

    return carry_out(order, "simulate", work)


def _run_trials(order: TrialOrder, storage: Storage) -> None:
    import tensorflow as tf

    from pipelines.simulate.bed import Bed
    from pipelines.simulate.trial import Runner

    tf.config.experimental.enable_op_determinism()  # the same seed gives the same curve
    bed = Bed(order.recipe, storage, order.design)
    key = key_of(order.recipe, bed.scene, order.design)
    runner = Runner(bed, order.design, order.recipe.query)
    for trial in order.trials:
        if read_result(storage, key, trial) is not None:
            continue
        at_ms = milliseconds(to_iso(utc_now()))
        points = runner.run(trial)
        result = TrialResult(
            key=key,
            strategy=trial.strategy,
            seed=trial.seed,
            points=points,
            git_sha=git_sha(),
            at_ms=at_ms,
        )
        write_result(storage, trial, result)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
