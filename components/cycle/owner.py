"""Asks Kubeflow Pipelines whether the run that holds a cycle still works."""

from __future__ import annotations

import logging
import uuid

from components.contracts.kubeflow.client import connected
from components.contracts.ledger.lease import Life
from components.contracts.process.errors import StreetloopError
from components.contracts.recipe.cluster import ClusterSettings

log = logging.getLogger("streetloop")
# Neither is CANCELING, a run that is being terminated: its exit task may still give the cycle back.
_RUNS = ("PENDING", "RUNNING", "PAUSED")
_ENDED = ("SUCCEEDED", "FAILED", "CANCELED", "SKIPPED")
_SECONDS = 10.0


def life_of(cluster: ClusterSettings, owner: str) -> Life:
    """Return what is known of a run.

    A run that the endpoint does not know may be another cluster's: nothing is known of it, nor of one
    that nobody can be asked about. Its lease then decides by time.
    """
    if cluster.host_in_pods is None or not _is_run(owner):
        return "unknown"
    try:
        with connected(cluster, cluster.host_in_pods) as (client, _):
            run = client._run_api.run_service_get_run(run_id=owner, _request_timeout=_SECONDS)
    except StreetloopError as error:
        log.info("Whether run %s still lives cannot be asked: %s", owner, error)
        return "unknown"
    if run.state in _RUNS:
        return "runs"
    return "ended" if run.state in _ENDED else "unknown"


def _is_run(owner: str) -> bool:
    """Return whether an owner is a run of Kubeflow Pipelines: their ids are UUIDs."""
    try:
        return str(uuid.UUID(owner)) == owner
    except ValueError:
        return False
