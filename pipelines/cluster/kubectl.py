"""Check with kubectl, where it is configured, that the objects which a recipe names exist."""

from __future__ import annotations

import base64
import json
import shutil
import subprocess
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

from components.contracts.process.errors import StreetloopError
from components.contracts.recipe.cluster import ACCOUNT_KEYS, ClusterSettings
from pipelines.cluster.outside import UnknownHereError

_SECONDS = 20


def check_objects(cluster: ClusterSettings) -> Iterator[tuple[str, Callable[[], str]]]:
    """Yield what is checked, and the check: it returns words, or raises.

    The checks raise StreetloopError if the object is missing or wrong, and UnknownHereError if kubectl
    is missing, not configured, or may not read it.
    """
    yield "namespace", partial(_namespace, cluster)
    if cluster.service_account:
        yield "service account", partial(_account, cluster, cluster.service_account)
    if cluster.secret:
        yield "secret", partial(_secret, cluster, cluster.secret)
    if cluster.volume:
        yield "volume", partial(_volume, cluster, cluster.volume)


def _namespace(cluster: ClusterSettings) -> str:
    _get(cluster, "namespace", cluster.namespace)
    return f"{cluster.namespace} exists"


def _account(cluster: ClusterSettings, name: str) -> str:
    _get(cluster, "serviceaccount", name)
    return f"{name} exists"


def _secret(cluster: ClusterSettings, name: str) -> str:
    data = _get(cluster, "secret", name).get("data") or {}
    empty = [key for key in ACCOUNT_KEYS if not base64.b64decode(data.get(key) or "")]
    if empty:
        raise StreetloopError(
            f"Secret {name} lacks {' and '.join(empty)}. Pods with it would not start: add the keys."
        )
    return f"{name} has both keys"


def _volume(cluster: ClusterSettings, name: str) -> str:
    claim = _get(cluster, "persistentvolumeclaim", name)
    phase = claim.get("status", {}).get("phase", "unknown")
    if phase == "Lost":
        raise StreetloopError(f"PersistentVolumeClaim {name} is lost: its volume is gone.")
    modes = ", ".join(claim.get("spec", {}).get("accessModes", []))
    return f"{name} is {phase} ({modes}); whether pods may write shows in the first step"


def _get(cluster: ClusterSettings, kind: str, name: str) -> Any:
    program = shutil.which("kubectl")
    if program is None:
        raise UnknownHereError(f"{kind} {name} is not checked: kubectl is not installed.")
    scope = [] if kind == "namespace" else ["-n", cluster.namespace]
    ask = [program, "get", kind, name, *scope, "-o", "json", "--request-timeout=10s"]
    try:
        done = subprocess.run(ask, capture_output=True, text=True, timeout=_SECONDS, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise UnknownHereError(
            f"{kind} {name} is not checked: kubectl failed ({error})."
        ) from error
    if done.returncode == 0:
        return json.loads(done.stdout)
    # Its own log comes first.
    said = (done.stderr.strip().splitlines() or ["nothing"])[-1][:200]
    if "(NotFound)" in done.stderr:
        raise StreetloopError(
            f"There is no {kind} {name}{'' if kind == 'namespace' else f' in {cluster.namespace}'}. "
            "Create it, or correct the recipe's `cluster` section."
        )
    raise UnknownHereError(f"{kind} {name} is not checked: kubectl says: {said}")
