"""The pods of a compiled pipeline, as the driver of Kubeflow Pipelines 2.17 makes them of its platform part.

Read from backend/src/v2/driver (container.go, k8s.go), and tried only against Kubernetes' schemas here.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from tests.support.compiled import executors, kubernetes

Json = dict[str, Any]
_DNS_LABEL = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")


def rendered_pods(spec: Any, platform: Any) -> dict[str, Json]:
    """Return the pod of each task.

    Raises:
      KeyError: the platform part has a field that the driver does not know.
    """
    rows = kubernetes(platform)
    return {
        task: _pod(task, container, rows.get(task, {}))
        for task, container in executors(spec).items()
    }


def problems_of(pod: Json) -> list[str]:
    """Return what an API server rejects and a schema cannot tell."""
    (container,) = pod["spec"]["containers"]
    volumes = [volume["name"] for volume in pod["spec"]["volumes"]]
    mounts = container["volumeMounts"]
    paths = [mount["mountPath"] for mount in mounts]
    names = [one["name"] for one in container["env"]]
    return [
        *(f"volume name {name}" for name in volumes if not _DNS_LABEL.fullmatch(name)),
        *(f"volume {name} twice" for name in set(volumes) if volumes.count(name) > 1),
        *(f"no volume {mount['name']}" for mount in mounts if mount["name"] not in volumes),
        *(f"path {path} twice" for path in set(paths) if paths.count(path) > 1),
        *(f"variable {name} twice" for name in set(names) if names.count(name) > 1),
    ]


def _pod(task: str, container: Json, platform: Json) -> Json:
    main: Json = {
        "name": "main",
        "image": container["image"],
        "command": container["command"],
        "args": container["args"],
        "env": [*container.get("env", [])],
        "resources": _resources(container.get("resources", {})),
        "volumeMounts": [],
    }
    pod: Json = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": task},
        "spec": {"containers": [main], "volumes": [], "restartPolicy": "Never"},
    }
    for field, value in platform.items():
        _FIELDS[field](pod, main, value)
    return pod


def _resources(row: Json) -> Json:
    found: Json = {"requests": {}, "limits": {}}
    kinds = {"resourceCpu": "cpu", "resourceMemory": "memory"}
    for kind, name in kinds.items():
        for side, key in (("Request", "requests"), ("Limit", "limits")):
            if f"{kind}{side}" in row:
                found[key][name] = row[f"{kind}{side}"]
    if gpus := row.get("accelerator"):
        found["limits"][gpus["resourceType"]] = gpus["resourceCount"]
    return found


def _mount(pod: Json, main: Json, name: str, path: str, source: Json) -> None:
    pod["spec"]["volumes"].append({"name": name, **source})
    main["volumeMounts"].append({"name": name, "mountPath": path})


def _claims(pod: Json, main: Json, rows: list[Json]) -> None:
    for row in rows:
        name = row["constant"]
        _mount(pod, main, name, row["mountPath"], {"persistentVolumeClaim": {"claimName": name}})


def _empty_folders(pod: Json, main: Json, rows: list[Json]) -> None:
    for row in rows:
        source = {key: row[key] for key in ("medium", "sizeLimit") if row.get(key)}
        _mount(pod, main, row["volumeName"], row["mountPath"], {"emptyDir": source})


def _secret_volumes(pod: Json, main: Json, rows: list[Json]) -> None:
    for row in rows:
        name = row["secretName"]
        source = {"secret": {"secretName": name, "optional": row.get("optional", False)}}
        _mount(pod, main, name, row["mountPath"], source)


def _config_volumes(pod: Json, main: Json, rows: list[Json]) -> None:
    for row in rows:
        name = row["configMapName"]
        source = {"configMap": {"name": name, "optional": row.get("optional", False)}}
        _mount(pod, main, name, row["mountPath"], source)


def _ephemeral_volumes(pod: Json, main: Json, rows: list[Json]) -> None:
    for row in rows:
        claim: Json = {
            "accessModes": row["accessModes"],
            "resources": {"requests": {"storage": row["size"]}},
        }
        if not row.get("defaultStorageClass"):
            claim["storageClassName"] = row.get("storageClassName", "")
        template = {"metadata": row.get("metadata", {}), "spec": claim}
        source = {"ephemeral": {"volumeClaimTemplate": template}}
        _mount(pod, main, row["volumeName"], row["mountPath"], source)


def _keys(kind: str, name: str, key: str) -> Callable[[Json, Json, list[Json]], None]:
    def add(pod: Json, main: Json, rows: list[Json]) -> None:
        for row in rows:
            for pair in row["keyToEnv"]:
                source = {"name": row[name], "key": pair[key]}
                if "optional" in row:
                    source["optional"] = row["optional"]
                main["env"].append({"name": pair["envVar"], "valueFrom": {kind: source}})

    return add


def _fields(pod: Json, main: Json, rows: list[Json]) -> None:
    for row in rows:
        source = {"fieldRef": {"fieldPath": row["fieldPath"]}}
        main["env"].append({"name": row["name"], "valueFrom": source})


def _tolerations(pod: Json, main: Json, rows: list[Json]) -> None:
    names = ("key", "operator", "value", "effect", "tolerationSeconds")
    found = [{name: row[name] for name in names if row.get(name)} for row in rows]
    for row in found:
        if "tolerationSeconds" in row:  # protobuf writes 64 bits as text
            row["tolerationSeconds"] = int(row["tolerationSeconds"])
    pod["spec"]["tolerations"] = found


def _node_affinity(pod: Json, main: Json, rows: list[Json]) -> None:
    required, preferred = [], []
    for row in rows:
        term = {key: row[key] for key in ("matchExpressions", "matchFields") if key in row}
        if "weight" in row:
            preferred.append({"weight": row["weight"], "preference": term})
        else:
            required.append(term)
    affinity: Json = {}
    if required:
        affinity["requiredDuringSchedulingIgnoredDuringExecution"] = {"nodeSelectorTerms": required}
    if preferred:
        affinity["preferredDuringSchedulingIgnoredDuringExecution"] = preferred
    pod["spec"]["affinity"] = {"nodeAffinity": affinity}


def _security(pod: Json, main: Json, row: Json) -> None:
    main["securityContext"] = {
        **{key: int(row[key]) for key in ("runAsUser", "runAsGroup") if key in row},
        "runAsNonRoot": row.get("runAsNonRoot", False),
        "capabilities": {"drop": ["ALL"]},
    }


_FIELDS: dict[str, Callable[[Json, Json, Any], None]] = {
    "pvcMount": _claims,
    "emptyDirMounts": _empty_folders,
    "secretAsVolume": _secret_volumes,
    "configMapAsVolume": _config_volumes,
    "genericEphemeralVolume": _ephemeral_volumes,
    "secretAsEnv": _keys("secretKeyRef", "secretName", "secretKey"),
    "configMapAsEnv": _keys("configMapKeyRef", "configMapName", "configMapKey"),
    "fieldPathAsEnv": _fields,
    "tolerations": _tolerations,
    "nodeAffinity": _node_affinity,
    "securityContext": _security,
    "imagePullPolicy": lambda pod, main, value: main.update(imagePullPolicy=value),
    "imagePullSecret": lambda pod, main, rows: pod["spec"].update(
        imagePullSecrets=[{"name": row["secretName"]} for row in rows]
    ),
    "nodeSelector": lambda pod, main, row: pod["spec"].update(nodeSelector=row["labels"]),
    "podMetadata": lambda pod, main, row: pod["metadata"].update(row),
    "activeDeadlineSeconds": lambda pod, main, value: pod["spec"].update(
        activeDeadlineSeconds=int(value)
    ),
}
