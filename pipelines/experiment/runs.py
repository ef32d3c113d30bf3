"""An experiment in MLflow: a parent run, and one nested run per part, each created once."""

from __future__ import annotations

from collections.abc import Mapping

from components.contracts.ledger.events import utc_now
from components.contracts.recipe.recipe import Recipe
from components.contracts.storage.base import Storage
from components.contracts.tracking.client import milliseconds, tracker_of
from components.contracts.tracking.source import source_tags
from pipelines.experiment.begun import first_time


def now_ms() -> int:
    """Return the time now in milliseconds since 1970."""
    return milliseconds(utc_now().isoformat())


class ExperimentRuns:
    """The runs of one experiment. What MLflow misses while it is down, the next command sends."""

    def __init__(
        self,
        kind: str,
        recipe: Recipe,
        key: str,
        facts: dict[str, object],
        storage: Storage,
        root: str,
    ) -> None:
        """Remember when the experiment first started.

        Args:
          kind: "ablation", "cross-validation" or "simulation".
          recipe: of all parts.
          key: the hash of what they share.
          facts: are stored beside that time.
          storage: of the experiment.
          root: of the experiment.
        """
        self.tracker = tracker_of(recipe.tracking, root)
        self._kind, self._recipe, self._root = kind, recipe, root
        at = first_time(storage, f"{kind}s/{key}.json", facts)
        # The time distinguishes it from an experiment of the same recipe in another root.
        self._identity = f"{kind}/{key}/{at}"
        self._begun_ms = milliseconds(at)
        self._parent: str | None = None

    def open_parent(self, parameters: Mapping[str, object], tags: Mapping[str, str]) -> None:
        """Create the parent run, or mark it as running again.

        Args:
          parameters: beside the recipe's.
          tags: beside those of every run.

        Raises:
          StreetloopError: MLflow cannot be used until a person changes something.
        """
        tracker_of(self._recipe.tracking, self._root, strict=True).check()
        name = f"{self._recipe.name} {self._kind}"
        self._parent = self.tracker.ensure_run(
            self._identity, name, self._tags() | dict(tags), None, self._begun_ms
        )
        self.tracker.resume_run(self._parent)
        self.tracker.log_parameters(self._parent, self._recipe.values() | dict(parameters))

    def nested(self, key: str, name: str, tags: Mapping[str, str], started_ms: int) -> str | None:
        """Return the id of a part's run, created if needed; None if MLflow is down."""
        if self._parent is None:
            return None
        run_id: str | None = self.tracker.ensure_run(
            f"{self._identity}/{key}", name, self._tags() | dict(tags), self._parent, started_ms
        )
        return run_id

    def is_finished(self, run_id: str) -> bool:
        """Return whether MLflow has everything of a part."""
        return bool(self.tracker.status(run_id) == "FINISHED")

    def finish(self, run_id: str) -> None:
        """End a part's run."""
        self.tracker.end_run(run_id, "FINISHED", now_ms())

    def close(self, files: Mapping[str, bytes], complete: bool) -> None:
        """Replace the files of the parent run, and end it."""
        self.tracker.log_files(self._parent, files)
        self.tracker.end_run(self._parent, "FINISHED" if complete else "KILLED", now_ms())

    def _tags(self) -> dict[str, str]:
        return {
            "streetloop.recipe": self._recipe.name,
            "streetloop.root": self._root,
            "streetloop.kind": self._kind,
            **source_tags(),
        }
