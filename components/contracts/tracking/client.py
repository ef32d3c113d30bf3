"""MLflow, by explicit run ids: a parent run per campaign, a nested run per cycle.

MLflow is a copy; the ledger and `cycles/<cycle>/report.json` are the truth. So when the server is
out of reach, a step reports it once and continues, and the next opening sends what is missing.
Points have times derived from the cycle, and models a tag with their hash: a retried step sends the
same points again (MLflow keeps one of two equal points) and creates no second version.
"""

from __future__ import annotations

import json
import logging
import tempfile
from collections.abc import Iterable, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any, NamedTuple

from components.contracts.recipe.tracking import TrackingSettings, store_uri
from components.contracts.tracking.connection import DELETED, Connection
from components.contracts.tracking.outage import quietly, to_run

log = logging.getLogger("streetloop")

_KEY = "streetloop.key"  # tag that identifies a run; looked up before a run is created
# MLflow's limits for one batch.
_MAX_PARAMETERS = 100
_MAX_METRICS = 1000
LOST = "LOST"  # no status of MLflow: the store does not know the run


class Points(NamedTuple):
    """Metrics of one moment: values by name (None: undefined), the step, milliseconds since 1970."""

    metrics: Mapping[str, float | None]
    step: int
    at_ms: int


def tracker_of(settings: TrackingSettings, root: str, *, strict: bool = False) -> Tracker:
    """Return the MLflow of the campaign, or the experiment, at `root`; `strict`: see `Connection`."""
    return Tracker(store_uri(settings, root), settings.experiment, strict=strict)


class Tracker(Connection):
    """Runs of one campaign, and what they contain.

    Methods with a `run_id` send nothing if it is None, and none fails because MLflow is down.
    Whatever is deleted in MLflow or lost with its store is restored or created again when a cycle
    opens: MLflow is a copy.
    """

    @quietly
    def check(self) -> str:
        """Reach for the experiment and return its id.

        Raises:
          StreetloopError: as `quietly`.
        """
        return self.experiment_id

    @quietly
    def ensure_run(
        self, key: str, name: str, tags: Mapping[str, str], parent: str | None, started_ms: int
    ) -> str:
        """Return the id of the run with this key, which is created or restored if necessary."""
        from mlflow.entities import ViewType

        runs = self.client.search_runs(
            [self.experiment_id], f"tags.`{_KEY}` = '{key}'", ViewType.ALL, max_results=1
        )
        if runs:
            self._restore(runs[0])
        else:
            all_tags = {_KEY: key, **tags}
            if parent is not None:
                all_tags["mlflow.parentRunId"] = parent
            runs = [
                self.client.create_run(
                    self.experiment_id, start_time=started_ms, tags=all_tags, run_name=name
                )
            ]
        return str(runs[0].info.run_id)

    @to_run
    def recover_run(self, run_id: str) -> bool:
        """Restore a run if it was deleted; return whether the store knows it at all."""
        run = self._find(run_id)
        if run is not None:
            self._restore(run)
        return run is not None

    @to_run
    def resume_run(self, run_id: str) -> None:
        """Mark a run as running again."""
        self.client.update_run(run_id, status="RUNNING")

    @to_run
    def end_run(self, run_id: str, status: str, ended_ms: int) -> None:
        """End a run: FINISHED, FAILED or KILLED."""
        self.client.set_terminated(run_id, status, ended_ms)

    @to_run
    def status(self, run_id: str) -> str:
        """Return a run's status in MLflow's words, or LOST if the store does not know it."""
        run = self._find(run_id)
        return LOST if run is None else str(run.info.status)

    @to_run
    def tags(self, run_id: str) -> dict[str, str]:
        """Return the tags of a run."""
        return dict(self.client.get_run(run_id).data.tags)

    @to_run
    def set_tags(self, run_id: str, tags: Mapping[str, str]) -> None:
        """Set tags of a run."""
        for key, value in tags.items():
            self.client.set_tag(run_id, key, value)

    @to_run
    def log_parameters(self, run_id: str, parameters: Mapping[str, Any]) -> None:
        """Log a nested mapping as flat parameters, except those that the run already has."""
        from mlflow.entities import Param

        known = self.client.get_run(run_id).data.params
        flat = [
            Param(k, str(v)[:6000])
            for k, v in sorted(_flatten(parameters).items())
            if k not in known
        ]
        for i in range(0, len(flat), _MAX_PARAMETERS):
            self.client.log_batch(run_id, params=flat[i : i + _MAX_PARAMETERS])

    def log_metrics(
        self, run_id: str | None, metrics: Mapping[str, float | None], step: int, at_ms: int
    ) -> None:
        """Log the metrics of one moment; None (undefined) is left out."""
        self.log_series(run_id, [Points(metrics, step, at_ms)])

    @to_run
    def log_series(self, run_id: str, series: Iterable[Points]) -> None:
        """Log metrics of many moments, in as few requests as MLflow allows."""
        from mlflow.entities import Metric

        points = [
            Metric(key, float(value), at_ms, step)
            for metrics, step, at_ms in series
            for key, value in sorted(metrics.items())
            if value is not None
        ]
        for i in range(0, len(points), _MAX_METRICS):
            self.client.log_batch(run_id, metrics=points[i : i + _MAX_METRICS])

    @to_run
    def log_image(self, run_id: str, image: Any, key: str, step: int) -> None:
        """Log uint8 [H, W, 3] as `key` at `step`, unless the run already has it."""
        name = f"{key.replace('/', '~')}+step+{step}+"  # as MLflow names the file
        images = self.client.list_artifacts(run_id, "images")
        if not any(Path(file.path).name.startswith(name) for file in images):
            self.client.log_image(run_id, image, key=key, step=step)

    @to_run
    def log_files(self, run_id: str, files: Mapping[str, bytes]) -> None:
        """Log files by their artifact paths; a retry replaces them."""
        for name, data in files.items():
            with tempfile.TemporaryDirectory() as folder:
                path = Path(folder) / Path(name).name
                path.write_bytes(data)
                self.client.log_artifact(run_id, str(path), str(Path(name).parent).strip("."))

    @to_run
    def log_dataset(self, run_id: str, name: str, digest: str, source: str, context: str) -> None:
        """Log what a run read: a name, a digest (cut to 36 characters), and where it is."""
        from mlflow.entities import Dataset, DatasetInput, InputTag

        entity = Dataset(name, digest[:36], "local", json.dumps({"uri": source}))
        tags = [InputTag("mlflow.data.context", context)]
        self.client.log_inputs(run_id, [DatasetInput(entity, tags)])

    def _find(self, run_id: str) -> Any:
        from mlflow.exceptions import MlflowException

        try:
            return self.client.get_run(run_id)
        except MlflowException as error:
            if error.error_code == "RESOURCE_DOES_NOT_EXIST":
                return None
            raise

    def _restore(self, run: Any) -> None:
        if run.info.lifecycle_stage != DELETED:
            return
        self.client.restore_run(run.info.run_id)
        log.warning(
            "The run %s had been deleted in MLflow. It is restored, because the campaign is tracked "
            "in it.",
            run.info.run_name,
        )


def _flatten(values: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Turn {"a": {"b": 1}} into {"a.b": 1}."""
    out: dict[str, Any] = {}
    for key, value in values.items():
        name = f"{prefix}{key}"
        out |= _flatten(value, f"{name}.") if isinstance(value, Mapping) else {name: value}
    return out


def milliseconds(iso: str) -> int:
    """Turn an ISO time into milliseconds since 1970, as MLflow counts."""
    return int(datetime.fromisoformat(iso).timestamp() * 1000)
