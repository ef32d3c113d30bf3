"""A simulation in MLflow: a nested run per trial, with its curve over labels."""

from __future__ import annotations

from components.contracts.recipe.recipe import Recipe
from components.contracts.scores.report import HEADLINES
from components.contracts.storage.base import Storage
from pipelines.experiment.runs import ExperimentRuns
from pipelines.simulate.plan import Design, Trial
from pipelines.simulate.result import TrialResult


class Runs(ExperimentRuns):
    """The runs of one simulation."""

    def __init__(
        self, recipe: Recipe, design: Design, key: str, storage: Storage, root: str
    ) -> None:
        self._design = design.model_dump(mode="json")
        super().__init__("simulation", recipe, key, {"design": self._design}, storage, root)

    def open(self) -> None:
        """Create the parent run, or mark it as running again; raises as `open_parent`."""
        self.open_parent({"simulate": self._design}, {})

    def add(self, trial: Trial, result: TrialResult) -> None:
        """Send what MLflow lacks of a finished trial."""
        strategy = trial.strategy or "all labels"
        tags = {"strategy": strategy, "seed": str(trial.seed)}
        run_id = self.nested(trial.file, trial.name, tags, result.at_ms)
        if run_id is None or self.is_finished(run_id):
            return
        self.tracker.log_parameters(run_id, {"query.strategy": strategy, "seed": trial.seed})
        for number, point in enumerate(result.points):
            # The names of a campaign's curve: one chart shows both.
            scores = {f"curve/{name}": getattr(point, name) for name in HEADLINES}
            self.tracker.log_metrics(run_id, scores, point.labels, result.at_ms + number)
        self.finish(run_id)
