"""The fits of an experiment in MLflow: a parent run and one nested run per fit, each created once."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from components.contracts.recipe.recipe import Recipe
from components.contracts.scores.report import HEADLINES
from components.contracts.step.done import hash_inputs
from components.contracts.storage.base import Storage
from components.contracts.tracking.client import Tracker, tracker_of
from components.contracts.tracking.training import named, points_at
from pipelines.experiment.runs import ExperimentRuns, now_ms
from pipelines.fits.fit import Fit
from pipelines.fits.result import FitResult


def live(
    recipe: Recipe, root: str, run_id: str | None, at_ms: int
) -> Callable[[int, Mapping[str, float]], None]:
    """Return a function that sends the points of a running fit; without a run it sends none."""
    if run_id is None:
        return lambda step, metrics: None
    tracker = tracker_of(recipe.tracking, root)
    return lambda step, metrics: _send(tracker, run_id, step, metrics, at_ms)


def _send(
    tracker: Tracker, run_id: str, step: int, metrics: Mapping[str, float], at_ms: int
) -> None:
    tracker.log_series(run_id, [points_at(step, named(metrics), at_ms)])


class Runs(ExperimentRuns):
    """The runs of one ablation or cross-validation: a nested run per fit."""

    def __init__(
        self,
        kind: str,
        recipe: Recipe,
        inputs: Mapping[str, object],
        labels: int | str,
        storage: Storage,
        root: str,
    ) -> None:
        """Remember when it first started.

        Args:
          kind: "ablation" or "cross-validation".
          recipe: of all fits, or the one that others are compared with.
          inputs: what all fits share.
          labels: the amount, as the user asked for it.
          storage: of the results.
          root: of the results.
        """
        key = hash_inputs(dict(inputs))[:16]
        super().__init__(kind, recipe, key, {"inputs": dict(inputs)}, storage, root)
        self._labels = str(labels)

    def open(self) -> None:
        """Create the parent run, or mark it as running again; raises as `open_parent`."""
        self.open_parent({}, {"streetloop.labels": self._labels})

    def begin(self, fit: Fit) -> str | None:
        """Return the id of the fit's nested run, created if needed; None if MLflow is down."""
        tags = {"variant": fit.variant, "seed": str(fit.seed)}
        run_id = self.nested(fit.key, fit.name, tags, now_ms())
        if run_id is not None and not self.is_finished(run_id):
            self.tracker.resume_run(run_id)
            parameters = {"variant": fit.variant, "seed": fit.seed, "labeled": len(fit.labeled)}
            settings = {"train": fit.settings.model_dump(mode="json")}
            self.tracker.log_parameters(run_id, parameters | settings)
        return run_id

    def end(self, fit: Fit, result: FitResult) -> None:
        """Send what MLflow lacks of a finished fit, and end its run."""
        run_id = self.begin(fit)
        if run_id is None or self.is_finished(run_id):
            return
        for step, metrics in sorted(result.history.items(), key=lambda row: int(row[0])):
            _send(self.tracker, run_id, int(step), metrics, result.at_ms)
        final = {
            f"final/{split}_{name}": getattr(scores, name)
            for split, scores in result.scores.items()
            for name in HEADLINES
        }
        final |= {"final/seconds": result.seconds, "final/best_step": result.best_step}
        at_ms = result.at_ms + result.steps + 1
        self.tracker.log_metrics(run_id, final, result.steps, at_ms)
        self.finish(run_id)
