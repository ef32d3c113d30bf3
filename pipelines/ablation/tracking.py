"""An ablation in MLflow: a parent run and one nested run per fit, each created once."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from components.contracts.ledger.events import utc_now
from components.contracts.recipe.recipe import Recipe
from components.contracts.recipe.tracking import store_uri
from components.contracts.storage.base import Storage
from components.contracts.tracking.client import Tracker, milliseconds
from components.contracts.tracking.source import source_tags
from pipelines.ablation.plan import Fit, Plan
from pipelines.ablation.result import SCORES, FitResult
from pipelines.experiment.begun import first_time


def live(
    recipe: Recipe, root: str, run_id: str | None, at_ms: int
) -> Callable[[int, Mapping[str, float]], None]:
    """Return a function that sends the points of a running fit; without a run it sends none."""
    if run_id is None:
        return lambda step, metrics: None
    tracker = Tracker(store_uri(recipe.tracking, root), recipe.tracking.experiment)
    return lambda step, metrics: _send(tracker, run_id, step, metrics, at_ms)


def _send(
    tracker: Tracker, run_id: str, step: int, metrics: Mapping[str, float], at_ms: int
) -> None:
    named = {k if "/" in k else f"train/{k}": v for k, v in metrics.items()}
    # One millisecond per step keeps the points in order, and a retry puts them at the same time.
    tracker.log_metrics(run_id, named, step, at_ms + step)


class Runs:
    """The runs of one ablation. What MLflow misses while it is down, the next command sends."""

    def __init__(self, plan: Plan, storage: Storage, root: str) -> None:
        tracking = plan.recipe.tracking
        self._tracker = Tracker(store_uri(tracking, root), tracking.experiment)
        self._plan, self._root = plan, root
        at = first_time(storage, f"ablations/{plan.key}.json", {"inputs": plan.inputs})
        # The time distinguishes it from an ablation of the same recipe in another root.
        self._identity = f"ablation/{plan.key}/{at}"
        self._begun_ms = milliseconds(at)
        self._parent: str | None = None

    def open(self) -> None:
        """Create the parent run, or mark it as running again.

        Raises:
          StreetloopError: MLflow cannot be used until a person changes something.
        """
        plan = self._plan
        Tracker(self._tracker.uri, self._tracker.experiment, strict=True).check()
        self._parent = self._tracker.ensure_run(
            self._identity,
            f"{plan.recipe.name} ablation",
            self._tags() | {"streetloop.labels": str(plan.design.labels)},
            None,
            self._begun_ms,
        )
        self._tracker.resume_run(self._parent)
        self._tracker.log_parameters(self._parent, plan.recipe.values())

    def begin(self, fit: Fit) -> str | None:
        """Return the id of the fit's nested run, created if needed; None if MLflow is down."""
        if self._parent is None:
            return None
        run_id: str | None = self._tracker.ensure_run(
            f"{self._identity}/{fit.key}",
            fit.name,
            self._tags() | {"variant": fit.variant, "seed": str(fit.seed)},
            self._parent,
            milliseconds(utc_now().isoformat()),
        )
        if self._tracker.status(run_id) != "FINISHED":
            self._tracker.resume_run(run_id)
            parameters = {"variant": fit.variant, "seed": fit.seed, "labeled": len(fit.labeled)}
            settings = {"train": fit.settings.model_dump(mode="json")}
            self._tracker.log_parameters(run_id, parameters | settings)
        return run_id

    def end(self, fit: Fit, result: FitResult) -> None:
        """Send what MLflow lacks of a finished fit, and end its run."""
        run_id = self.begin(fit)
        if run_id is None or self._tracker.status(run_id) == "FINISHED":
            return
        for step, metrics in sorted(result.history.items(), key=lambda row: int(row[0])):
            _send(self._tracker, run_id, int(step), metrics, result.at_ms)
        final = {
            f"final/{split}_{name}": getattr(scores, name)
            for split, scores in result.scores.items()
            for name in SCORES
        }
        final |= {"final/seconds": result.seconds, "final/best_step": result.best_step}
        at_ms = result.at_ms + result.steps + 1
        self._tracker.log_metrics(run_id, final, result.steps, at_ms)
        self._tracker.end_run(run_id, "FINISHED", milliseconds(utc_now().isoformat()))

    def close(self, files: Mapping[str, bytes], complete: bool) -> None:
        """Replace the table and the figure of the parent run, and end it."""
        self._tracker.log_files(self._parent, files)
        status = "FINISHED" if complete else "KILLED"
        self._tracker.end_run(self._parent, status, milliseconds(utc_now().isoformat()))

    def _tags(self) -> dict[str, str]:
        return {
            "streetloop.recipe": self._plan.recipe.name,
            "streetloop.root": self._root,
            "streetloop.kind": "ablation",
            **source_tags(),
        }
