"""MLflow, by explicit run ids: a parent run a campaign, a nested run a cycle.

MLflow is a copy; the ledger and `cycles/<cycle>/report.json` are the truth. So when the server is
out of reach, a step says so once and goes on, and the next `open` sends what is missing. Points
carry times derived from the cycle, and models a tag with their hash: a retried step sends the
same points again (MLflow keeps one of two equal points) and makes no second version.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any, NamedTuple

from components.contracts.tracking.outage import quietly

_EXPERIMENT_KIND = "mlflow.experimentKind"  # shows the pages for training, not those for LLMs
_KEY = "streetloop.key"  # tag: what a run stands for; looked up before a run is made
# MLflow's limits for one batch.
_PARAMETERS_AT_ONCE = 100
_METRICS_AT_ONCE = 1000


class Points(NamedTuple):
    """Metrics of one moment: values by name (None: undefined), the step, milliseconds since 1970."""

    metrics: Mapping[str, float | None]
    step: int
    at_ms: int


class Tracker:
    """One campaign's view of MLflow.

    Attributes:
      down: the server did not answer; every later call of this process is skipped.
    """

    def __init__(self, uri: str, experiment: str) -> None:
        self.uri, self.experiment = uri, experiment
        self.down = False
        self._client: Any = None
        self._experiment_id: str | None = None

    @property
    def client(self) -> Any:
        """The MlflowClient, made on first use."""
        if self._client is None:
            import mlflow

            if self.uri.startswith("sqlite:///"):
                Path(self.uri.removeprefix("sqlite:///")).parent.mkdir(parents=True, exist_ok=True)
            mlflow.set_tracking_uri(self.uri)
            self._client = mlflow.MlflowClient(self.uri)
        return self._client

    @property
    def experiment_id(self) -> str:
        """The experiment, made on first use."""
        if self._experiment_id is None:
            found = self.client.get_experiment_by_name(self.experiment)
            if found is not None:
                self._experiment_id = found.experiment_id
            else:
                location = None
                if self.uri.startswith("sqlite:///"):
                    folder = Path(self.uri.removeprefix("sqlite:///")).parent
                    location = (folder / "artifacts").as_uri()
                self._experiment_id = self.client.create_experiment(
                    self.experiment, location, tags={_EXPERIMENT_KIND: "custom_model_development"}
                )
        return self._experiment_id

    @quietly
    def check(self) -> str:
        """Reaches for the experiment; StreetloopError if the server refuses our credentials."""
        return self.experiment_id

    @quietly
    def ensure_run(
        self, key: str, name: str, tags: Mapping[str, str], parent: str | None, started_ms: int
    ) -> str:
        """The id of the run that stands for `key`, made if it is not there."""
        found = self.client.search_runs(
            [self.experiment_id], f"tags.`{_KEY}` = '{key}'", max_results=1
        )
        if found:
            return found[0].info.run_id
        all_tags = {_KEY: key, **tags}
        if parent is not None:
            all_tags["mlflow.parentRunId"] = parent
        run = self.client.create_run(
            self.experiment_id, start_time=started_ms, tags=all_tags, run_name=name
        )
        return run.info.run_id

    @quietly
    def log_parameters(self, run_id: str | None, parameters: Mapping[str, Any]) -> None:
        """Logs a nested mapping as flat parameters. A known parameter is left as it is."""
        if run_id is None:
            return
        from mlflow.entities import Param

        known = self.client.get_run(run_id).data.params
        flat = [
            Param(k, str(v)[:6000])
            for k, v in sorted(flatten(parameters).items())
            if k not in known
        ]
        for i in range(0, len(flat), _PARAMETERS_AT_ONCE):
            self.client.log_batch(run_id, params=flat[i : i + _PARAMETERS_AT_ONCE])

    @quietly
    def log_metrics(
        self, run_id: str | None, metrics: Mapping[str, float | None], step: int, at_ms: int
    ) -> None:
        """Logs points at a time that a retry repeats; None (undefined) is left out."""
        self._log_points(run_id, [Points(metrics, step, at_ms)])

    @quietly
    def log_series(self, run_id: str | None, series: Iterable[Points]) -> None:
        """Logs points of many steps, in as few requests as MLflow allows."""
        self._log_points(run_id, series)

    def _log_points(self, run_id: str | None, series: Iterable[Points]) -> None:
        if run_id is None:
            return
        from mlflow.entities import Metric

        points = [
            Metric(key, float(value), at_ms, step)
            for metrics, step, at_ms in series
            for key, value in sorted(metrics.items())
            if value is not None
        ]
        for i in range(0, len(points), _METRICS_AT_ONCE):
            self.client.log_batch(run_id, metrics=points[i : i + _METRICS_AT_ONCE])

    @quietly
    def log_image(self, run_id: str | None, image: Any, key: str, step: int) -> None:
        """Logs uint8 [H, W, 3] as `key` at `step`, unless it is there."""
        if run_id is None or self._has_image(run_id, key, step):
            return
        self.client.log_image(run_id, image, key=key, step=step)

    def _has_image(self, run_id: str, key: str, step: int) -> bool:
        name = f"{key.replace('/', '~')}+step+{step}+"  # as MLflow names the file
        return any(
            Path(f.path).name.startswith(name) for f in self.client.list_artifacts(run_id, "images")
        )

    @quietly
    def log_files(self, run_id: str | None, files: Mapping[str, bytes]) -> None:
        """Logs files by their artifact paths; a retry replaces them."""
        if run_id is None:
            return
        import tempfile

        for name, data in files.items():
            with tempfile.TemporaryDirectory() as folder:
                path = Path(folder) / Path(name).name
                path.write_bytes(data)
                self.client.log_artifact(run_id, str(path), str(Path(name).parent).strip("."))

    @quietly
    def set_tags(self, run_id: str | None, tags: Mapping[str, str]) -> None:
        """Sets tags of a run."""
        for key, value in tags.items() if run_id else ():
            self.client.set_tag(run_id, key, value)

    @quietly
    def log_dataset(
        self, run_id: str | None, name: str, digest: str, source: str, context: str
    ) -> None:
        """Says what a run read: a name, a digest of at most 36 characters, and where it lies."""
        if run_id is None:
            return
        from mlflow.entities import Dataset, DatasetInput, InputTag

        entity = Dataset(name, digest[:36], "local", json.dumps({"uri": source}))
        tags = [InputTag("mlflow.data.context", context)]
        self.client.log_inputs(run_id, [DatasetInput(entity, tags)])

    @quietly
    def resume_run(self, run_id: str | None) -> None:
        """Marks a run as running again."""
        if run_id is not None:
            self.client.update_run(run_id, status="RUNNING")

    @quietly
    def tags(self, run_id: str | None) -> dict[str, str]:
        """The tags of a run; none without a run."""
        return dict(self.client.get_run(run_id).data.tags) if run_id else {}

    @quietly
    def finished(self, run_id: str | None) -> bool:
        """Whether a run has ended well, so that nothing of it is missing."""
        return run_id is not None and self.client.get_run(run_id).info.status == "FINISHED"

    @quietly
    def end_run(self, run_id: str | None, status: str, ended_ms: int) -> None:
        """Ends a run: FINISHED, FAILED or KILLED."""
        if run_id is not None:
            self.client.set_terminated(run_id, status, ended_ms)


def flatten(values: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """{"a": {"b": 1}} becomes {"a.b": 1}."""
    out: dict[str, Any] = {}
    for key, value in values.items():
        name = f"{prefix}{key}"
        if isinstance(value, Mapping):
            out |= flatten(value, f"{name}.")
        else:
            out[name] = value
    return out


def milliseconds(iso: str) -> int:
    """An ISO time as MLflow counts: milliseconds since 1970."""
    return int(datetime.fromisoformat(iso).timestamp() * 1000)
