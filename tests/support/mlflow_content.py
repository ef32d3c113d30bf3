"""What a campaign's MLflow holds, as plain values that a test can compare."""

from __future__ import annotations

from typing import Any


def content_of(uri: str, model: str, experiment: str = "streetloop") -> dict[str, Any]:
    """Runs, points and files of the one campaign of a store, and the versions of its model."""
    import mlflow

    client = mlflow.MlflowClient(uri, registry_uri=uri)
    found = client.get_experiment_by_name(experiment)
    runs = client.search_runs([found.experiment_id])
    (parent,) = [r for r in runs if "mlflow.parentRunId" not in r.data.tags]
    curve = client.get_metric_history(parent.info.run_id, "curve/miou")
    versions = client.search_model_versions(f"name = '{model}'")
    aliases = {a: str(v) for a, v in client.get_registered_model(model).aliases.items()}
    return {
        "runs": len(runs),
        "parent": parent,
        "curve": sorted(p.step for p in curve),
        "cycles": {r.data.tags["cycle"]: _cycle(client, r) for r in runs if r is not parent},
        "aliases": aliases,
        "descriptions": {str(v.version): v.description for v in versions},
    }


def _cycle(client: Any, run: Any) -> dict[str, Any]:
    run_id = run.info.run_id
    system = [k for k in run.data.metrics if k.startswith("system/")]
    histories = {k: client.get_metric_history(run_id, k) for k in run.data.metrics}
    twice = [
        key
        for key, points in histories.items()
        if len({(p.step, p.timestamp) for p in points}) < len(points)
    ]
    assert twice == [], "two points at one step"
    files = [f.path for folder in (None, "figures") for f in client.list_artifacts(run_id, folder)]
    # Each is kept in full, as PNG, and as a preview.
    images = [f.path for f in client.list_artifacts(run_id, "images") if f.path.endswith(".png")]
    return {
        "status": run.info.status,
        "parent": run.data.tags["mlflow.parentRunId"],
        "losses": [p.step for p in histories.get("train/supervised_loss", [])],
        "metrics": {k: v for k, v in run.data.metrics.items() if not k.startswith("system/")},
        "system": len(system),
        "datasets": {i.dataset.name: i.dataset.digest for i in run.inputs.dataset_inputs},
        "files": sorted(files),
        "images": len(images),
        "tags": dict(run.data.tags),
    }
