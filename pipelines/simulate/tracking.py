"""A simulation in MLflow: a parent run, and one nested run per trial with its curve over labels."""

from __future__ import annotations

from collections.abc import Mapping

from components.contracts.ledger.events import utc_now
from components.contracts.recipe.recipe import Recipe
from components.contracts.recipe.tracking import store_uri
from components.contracts.storage.base import Storage
from components.contracts.tracking.client import Tracker, milliseconds
from components.contracts.tracking.source import source_tags
from pipelines.experiment.begun import first_time
from pipelines.simulate.plan import Design, Trial
from pipelines.simulate.result import TrialResult


class Runs:
    """The runs of one simulation. What MLflow misses while it is down, the next command sends."""

    def __init__(
        self, recipe: Recipe, design: Design, key: str, storage: Storage, root: str
    ) -> None:
        self._tracker = Tracker(store_uri(recipe.tracking, root), recipe.tracking.experiment)
        self._recipe, self._design, self._root = recipe, design, root
        facts: dict[str, object] = {"design": design.model_dump(mode="json")}
        at = first_time(storage, f"simulations/{key}.json", facts)
        self._identity = f"simulation/{key}/{at}"
        self._begun_ms = milliseconds(at)
        self._parent: str | None = None

    def open(self) -> None:
        """Create the parent run, or mark it as running again.

        Raises:
          StreetloopError: MLflow cannot be used until a person changes something.
        """
        Tracker(self._tracker.uri, self._tracker.experiment, strict=True).check()
        name = f"{self._recipe.name} simulation"
        self._parent = self._tracker.ensure_run(
            self._identity, name, self._tags(), None, self._begun_ms
        )
        self._tracker.resume_run(self._parent)
        head = {"simulate": self._design.model_dump(mode="json")}
        self._tracker.log_parameters(self._parent, self._recipe.values() | head)

    def add(self, trial: Trial, result: TrialResult) -> None:
        """Send what MLflow lacks of a finished trial."""
        if self._parent is None:
            return
        strategy = trial.strategy or "all labels"
        run_id = self._tracker.ensure_run(
            f"{self._identity}/{trial.file}",
            trial.name,
            self._tags() | {"strategy": strategy, "seed": str(trial.seed)},
            self._parent,
            result.at_ms,
        )
        if run_id is None or self._tracker.status(run_id) == "FINISHED":
            return
        self._tracker.log_parameters(run_id, {"query.strategy": strategy, "seed": trial.seed})
        for number, point in enumerate(result.points):
            # The names of a campaign's curve: one chart shows both.
            scores = {
                "curve/miou": point.miou,
                "curve/pixel_accuracy": point.pixel_accuracy,
                "curve/dice": point.dice,
            }
            self._tracker.log_metrics(run_id, scores, point.labels, result.at_ms + number)
        self._tracker.end_run(run_id, "FINISHED", milliseconds(utc_now().isoformat()))

    def close(self, files: Mapping[str, bytes], complete: bool) -> None:
        """Replace the files of the parent run, and end it."""
        self._tracker.log_files(self._parent, files)
        status = "FINISHED" if complete else "KILLED"
        self._tracker.end_run(self._parent, status, milliseconds(utc_now().isoformat()))

    def _tags(self) -> dict[str, str]:
        return {
            "streetloop.recipe": self._recipe.name,
            "streetloop.root": self._root,
            "streetloop.kind": "simulation",
            **source_tags(),
        }
