"""Read what a step printed, from wherever the endpoint serves it."""

from __future__ import annotations

from typing import Any

from components.contracts.kubeflow.client import connected, get_text
from components.contracts.process.errors import StreetloopError
from components.contracts.recipe.recipe import Recipe
from pipelines.cluster.kept import copy_words, kept_log
from pipelines.cluster.runs import campaign_runs, find_run
from pipelines.cluster.steps import Step, steps_of
from pipelines.local.step_log import last_error


def step_log(
    recipe: Recipe, root: str | None, name: str | None, run_id: str | None
) -> tuple[str, str]:
    """Return the log of a step of a run of the campaign.

    What the endpoint no longer serves is read from the campaign root, where the steps keep it.

    Args:
      recipe: the campaign's recipe.
      root: the campaign root that pods see, as for `compile_pipeline`.
      name: the step. None: the one that failed, else the newest.
      run_id: the run. None: the newest of the campaign.

    Returns:
      the step with its state, or with the place of its log; and the log.

    Raises:
      StreetloopError: the campaign has no run, the run no such step, or its log is gone.
    """
    try:
        step, text = _served(recipe, name, run_id)
    except StreetloopError as error:
        kept = kept_log(recipe, root, name, run_id)
        if kept is None:
            raise StreetloopError(f"{error} {copy_words(recipe, root)}") from error
        return kept
    return f"{step.name}: {step.state}", text


def _served(recipe: Recipe, name: str | None, run_id: str | None) -> tuple[Step, str]:
    """Return a step and its log from the endpoint. Raises as `step_log`."""
    with connected(recipe.cluster) as (client, _):
        if run_id is None:
            rows = campaign_runs(recipe, client, limit=1)
            if not rows:
                raise StreetloopError(
                    f"Campaign {recipe.name} has no run in experiment {recipe.cluster.experiment}. "
                    "Start one with `streetloop submit`."
                )
            run_id = rows[0].id
        steps = steps_of(find_run(client, run_id))
        step = _choose(steps, name, run_id)
        text = read_log(client, recipe.cluster.namespace, run_id, step)
    if text is None:
        pod = step.pods[0] if step.pods else "POD"
        raise StreetloopError(
            f"The log of {step.name} in run {run_id} is not served: its pod may be gone. Try "
            f"`kubectl logs -n {recipe.cluster.namespace} {pod} -c main`, or configure Argo to archive logs."
        )
    return step, text


def _choose(steps: list[Step], name: str | None, run_id: str) -> Step:
    if not steps:
        raise StreetloopError(f"No step of run {run_id} has begun.")
    if name is None:
        failed = [step for step in steps if step.state == "FAILED"]
        return failed[0] if failed else steps[-1]
    found = [step for step in steps if step.name == name]
    if not found:
        begun = ", ".join(step.name for step in steps)
        raise StreetloopError(f"Run {run_id} has no step {name} so far. It has: {begun}.")
    return found[-1]


def read_log(client: Any, namespace: str, run_id: str, step: Step) -> str | None:
    """Return the log of a step's newest attempt that is served; None if there is none.

    The UI's server reads pods and archived logs; the API server alone only pods.
    """
    for pod in step.pods:
        asked = {"podname": pod, "podnamespace": namespace, "runid": run_id}
        for path, query in (
            ("/k8s/pod/logs", asked),
            (f"/apis/v1alpha1/runs/{run_id}/nodes/{pod}/log", {}),
        ):
            text = _get(client, path, query)
            if text:
                return text
    return None


def _get(client: Any, path: str, query: dict[str, str]) -> str | None:
    """Return the text at a path; None for an error, since the next one may have it."""
    from kfp_server_api import ApiException

    try:
        return get_text(client, path, query)
    except ApiException:
        return None


def own_message(log: str | None) -> str:
    """Return the error that a step printed: the exception's message, else the last line; "" if none."""
    lines = [line for line in (log or "").splitlines() if line.strip()]
    return last_error(lines) or (lines[-1].strip() if lines else "")
