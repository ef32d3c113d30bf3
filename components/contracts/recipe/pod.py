"""What the pods of a run on Kubernetes get: for every step, and for single steps."""

from __future__ import annotations

import re
from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from components.contracts.process.kept_output import looks_secret
from components.contracts.process.uri import has_password
from components.contracts.recipe.base import Settings

# As Kubernetes writes amounts: CPUs "500m", "4", "1.5"; memory "16G", "2Gi".
Cpus = Annotated[str, Field(pattern=r"^[0-9]+(\.[0-9]+)?m?$")]
Memory = Annotated[str, Field(pattern=r"^[0-9]+[MGT]i?$")]
_UNITS = {"M": 10**6, "G": 10**9, "T": 10**12, "Mi": 2**20, "Gi": 2**30, "Ti": 2**40}

_NAME = r"[A-Za-z0-9]([A-Za-z0-9._-]{0,61}[A-Za-z0-9])?"
LabelKey = Annotated[str, Field(pattern=rf"^([a-z0-9.-]{{1,253}}/)?{_NAME}$")]
LabelValue = Annotated[str, Field(pattern=rf"^({_NAME})?$")]
Labels = dict[LabelKey, LabelValue]
Variable = Annotated[str, Field(pattern=r"^[A-Za-z_][A-Za-z0-9_]*$")]
# A recipe is stored with the campaign, and Kubeflow shows a pipeline. These names look secret, and hold
# where a secret is, or whose it is.
_OPEN = re.compile(
    r".*_(FILE|PATH|DIR|ID)|GOOGLE_APPLICATION_CREDENTIALS|STREETLOOP_KFP_COOKIES", re.IGNORECASE
)


def _no_secret(name: str) -> str:
    if looks_secret(name) and not _OPEN.fullmatch(name):
        raise ValueError(
            f"the value of this variable must not be in a recipe. Put it into a Secret, and write "
            f"cluster.pod.secret_env: {{{name}: secret/key}}"
        )
    return name


def _no_password(value: str) -> str:
    if any("://" in word and has_password(word) for word in value.split()):
        raise ValueError(
            "the password in this address must not be in a recipe. Put the whole value into a Secret, and "
            "name the variable in cluster.pod.secret_env, as VARIABLE: secret/key"
        )
    return value


# A check of the name alone: an error shows what was checked.
PlainVariable = Annotated[Variable, AfterValidator(_no_secret)]
PlainValue = Annotated[str, AfterValidator(_no_password)]
# A key of a Secret or of a ConfigMap: "mlflow-account/token".
KeyOf = Annotated[str, Field(pattern=r"^[a-z0-9]([a-z0-9.-]*[a-z0-9])?/[A-Za-z0-9._-]+$")]


def bytes_of(amount: str) -> int:
    """Return the bytes of an amount of memory, as Kubernetes writes it."""
    digits = amount.rstrip("MGTi")
    return int(digits) * _UNITS[amount.removeprefix(digits)]


class Toleration(Settings):
    """A taint of nodes that a pod may run on all the same.

    Attributes:
      key: of the taint; None with `operator: Exists`: every taint.
      operator: `Equal`: the taint has this value; `Exists`: it has any.
      value: of the taint.
      effect: of the taint; None: every effect.
    """

    key: str | None = None
    operator: Literal["Equal", "Exists"] = "Equal"
    value: str | None = None
    effect: Literal["NoSchedule", "PreferNoSchedule", "NoExecute"] | None = None


Tolerations = Annotated[tuple[Toleration, ...], Field(strict=False)]


class PodSettings(Settings):
    """The pods of every step.

    Attributes:
      image_pull_policy: when a node pulls the image; None: as Kubernetes does by default.
      image_pull_secrets: the Secrets with accounts of the image registry.
      labels, annotations: labels and annotations of the pods.
      node_selector: labels that a node must have.
      tolerations: taints that a node may have: a list of `key`, `operator` (`Equal` or `Exists`), `value`
        and `effect`.
      env: environment variables. Secrets are rejected here, by the variable's name, and so are addresses
        with a password.
      secret_env: environment variables from Secrets, as `VARIABLE: secret/key`.
      config_env: environment variables from ConfigMaps, as `VARIABLE: configmap/key`.
      scratch: the most that a pod may write to its temporary folder, which is then a volume of its own
        on the node's disk; None: the container's own file system.
    """

    image_pull_policy: Literal["Always", "IfNotPresent", "Never"] | None = None
    image_pull_secrets: tuple[str, ...] = Field(default=(), strict=False)
    labels: Labels = Field(default={})
    annotations: dict[LabelKey, str] = Field(default={})
    node_selector: Labels = Field(default={})
    tolerations: Tolerations = ()
    env: dict[PlainVariable, PlainValue] = Field(default={})
    secret_env: dict[Variable, KeyOf] = Field(default={})
    config_env: dict[Variable, KeyOf] = Field(default={})
    scratch: Memory | None = None


class StepSettings(Settings):
    """What one step gets in place of the cluster's own settings, or on top of them.

    Attributes:
      cpu: its request.
      memory: its request and its limit.
      gpus: its GPUs.
      timeout_minutes: the time after which an attempt of it is killed.
      node_selector, tolerations: in addition to those of all pods.
    """

    cpu: Cpus | None = None
    memory: Memory | None = None
    gpus: Annotated[int, Field(ge=0)] | None = None
    timeout_minutes: Annotated[int, Field(ge=1)] | None = None
    node_selector: Labels = Field(default={})
    tolerations: Tolerations = ()
