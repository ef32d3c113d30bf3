"""Asks Kubeflow Pipelines whether the run that holds a cycle has ended."""

from __future__ import annotations

import logging
import uuid

from components.contracts.kubeflow.client import connected
from components.contracts.process.errors import StreetloopError
from components.contracts.recipe.cluster import ClusterSettings

log = logging.getLogger("streetloop")
# A run that is being terminated is CANCELING: its exit task may still give the cycle back.
_ENDED = ("SUCCEEDED", "FAILED", "CANCELED", "SKIPPED")
_SECONDS = 10.0


def has_ended(cluster: ClusterSettings, owner: str) -> bool:
    """Return whether a run is known to have ended.

    A run that the endpoint does not know may be another cluster's: it counts as alive, as does one
    that nobody can be asked about. Its lease then decides by time.
    """
    if cluster.host_in_pods is None or not _is_run(owner):
        return False
    try:
        with connected(cluster, cluster.host_in_pods) as (client, _):
            run = client._run_api.run_service_get_run(run_id=owner, _request_timeout=_SECONDS)
    except StreetloopError as error:
        log.info("Whether run %s still lives cannot be asked: %s", owner, error)
        return False
    return run.state in _ENDED


def _is_run(owner: str) -> bool:
    """Return whether an owner is a run of Kubeflow Pipelines: their ids are UUIDs."""
    try:
        return str(uuid.UUID(owner)) == owner
    except ValueError:
        return False
