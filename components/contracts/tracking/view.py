"""The page of MLflow's UI that compares runs: its address, and the saved view that it opens.

MLflow opens its GenAI pages unless the address says otherwise, and draws no chart over labels until a
person has chosen columns, an axis and runs. A view that is saved in a tag of the experiment makes
these choices (MLflow 3.17, `viewStateShareKey`), and appears in the menu "Views" of the page.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any
from urllib.parse import quote, urlencode

from components.contracts.tracking.client import Tracker
from components.contracts.tracking.outage import quietly

# Metrics of a campaign's run with the number of labeled images as step, as people compare them.
CURVES = ("curve/miou", "curve/pixel_accuracy", "curve/dice", "curve/labels_asked")
_FINAL = ("final/dev_miou", "final/dev_pixel_accuracy", "final/dev_dice", "final/val_miou")
_TAG = "mlflow.sharedViewState."
_OURS = (
    "streetloop"  # marks a state that this module wrote: MLflow drops it when a person changes one
)
_NAME_LENGTH = 80


@dataclass(frozen=True)
class View:
    """One saved view.

    Attributes:
      key: its name in addresses.
      name: its name in the menu of views.
      only: a filter of the runs, in MLflow's language.
      metrics: columns of the table and the first charts, in this order.
      section: the heading above these charts.
      chart: LINE, over the steps of the metrics, or BAR.
    """

    key: str
    name: str
    only: str
    metrics: tuple[str, ...] = CURVES
    section: str = "Learning curves over labels"
    chart: str = "LINE"


CAMPAIGNS = View(
    "streetloop",
    "Learning curves",
    "tags.`streetloop.strategy` != '' AND tags.`mlflow.parentRunId` IS NULL",
)


def comparison(titles: Mapping[str, str]) -> View:
    """Return the view of some campaigns, given the ids of their runs and what to call each."""
    ids = ", ".join(f"'{run_id}'" for run_id in sorted(titles))
    name = " / ".join(titles.values())
    short = name if len(name) <= _NAME_LENGTH else f"{name[: _NAME_LENGTH - 1]}…"
    return View(f"streetloop-{_digest(ids)}", short, f"attributes.run_id IN ({ids})")


def ablations(root: str) -> View:
    """Return the view of the fits of the ablations in one folder."""
    mark = '"' if "'" in root else "'"
    only = (
        "tags.`streetloop.kind` = 'ablation' AND tags.`mlflow.parentRunId` IS NOT NULL "
        f"AND tags.`streetloop.root` = {mark}{root}{mark}"
    )
    name = f"Ablation in {PurePosixPath(root).name}"
    return View(f"streetloop-{_digest(root)}", name, only, _FINAL, "Scores of the fits", "BAR")


def page(server: str, experiment: str | None, view: View, *, saved: bool) -> str:
    """Return the address of the charts of an experiment, in MLflow's pages for training.

    Args:
      server: the server's address.
      experiment: the experiment's id; None leads to the list of experiments.
      view: what the page shows.
      saved: whether the experiment has the view. MLflow leads to its GenAI pages if an address
        names one that does not exist.
    """
    if experiment is None:
        return f"{server.rstrip('/')}/#/experiments?workflowType=machine_learning"
    query = {"workflowType": "machine_learning", "compareRunsMode": "CHART"}
    query |= {"viewStateShareKey": view.key} if saved else {"searchFilter": view.only}
    words = urlencode(query, quote_via=quote)
    return f"{server.rstrip('/')}/#/experiments/{experiment}/runs?{words}"


def curves_page(server: str, experiments: list[str], runs: list[str]) -> str:
    """Return the address of one curve of runs in several experiments, which no saved view covers."""
    (metric, *_) = CURVES
    query = {
        "runs": json.dumps(runs),
        "experiments": json.dumps(experiments),
        "metric": json.dumps(metric),
        "plot_metric_keys": json.dumps([metric]),
        "x_axis": "step",
        "show_point": "true",
        "workflowType": "machine_learning",
    }
    return f"{server.rstrip('/')}/#/metric?{urlencode(query, quote_via=quote)}"


def open_page(server: str, tracker: Tracker, view: View) -> str:
    """Save a view in the tracker's experiment, and return the address that opens it there."""
    saved = save_view(tracker, view)
    return page(server, tracker.check(), view, saved=bool(saved))


@quietly
def save_view(tracker: Tracker, view: View) -> bool:
    """Save a view in the experiment, unless a person has changed it there; return True.

    Raises:
      StreetloopError: as `quietly`, which returns None while MLflow is out of reach or refuses.
    """
    experiment = tracker.client.get_experiment(tracker.experiment_id)
    known = experiment.tags.get(f"{_TAG}{view.key}")
    created = experiment.creation_time or 0
    text = json.dumps(
        {
            "name": view.name,
            "createdAt": created,
            "updatedAt": created,
            "state": json.dumps(_state(view)),  # text within the text, as MLflow stores it
        }
    )
    if known is None or (known != text and _is_ours(known)):
        tracker.client.set_experiment_tag(experiment.experiment_id, f"{_TAG}{view.key}", text)
    return True


def _is_ours(text: str) -> bool:
    try:
        return _OURS in json.loads(json.loads(text)["state"])
    except (ValueError, TypeError, KeyError):  # compressed, or not of this form
        return False


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:12]


def _state(view: View) -> dict[str, Any]:
    """Return the state of MLflow's page of runs: filter, columns and charts."""
    columns = [f"metrics.`{metric}`" for metric in view.metrics]
    columns += [f"attributes.`{name}`" for name in ("Models", "Dataset", "Source", "Version")]
    return {
        _OURS: 1,
        "searchFilter": view.only,
        "orderByKey": "attributes.start_time",
        "orderByAsc": False,
        "startTime": "ALL",
        "lifecycleFilter": "Active",
        "modelVersionFilter": "All Runs",
        "datasetsFilter": [],
        "selectedColumns": columns,
        # MLflow puts metrics last, outside of the window, unless the order says otherwise.
        "columnOrder": ["attributes.`Run Name`", "runDateAndNestInfo", *columns],
        "runsHiddenMode": "SHOW_ALL",  # MLflow draws ten runs otherwise
        "compareRunCharts": [_chart(metric, view) for metric in view.metrics],
        "compareRunSections": [
            {"uuid": view.key, "name": view.section, "display": True, "isReordered": False}
        ],
        "isAccordionReordered": True,  # MLflow sorts the sections by name otherwise
        "hideEmptyCharts": True,
    }


def _chart(metric: str, view: View) -> dict[str, Any]:
    chart = {
        "uuid": f"{view.key}-{metric}",
        "type": view.chart,
        "metricSectionId": view.key,
        "metricKey": metric,
        "selectedMetricKeys": [metric],
        "isGenerated": False,
        "deleted": False,
        "runsCountToCompare": 100,
    }
    if view.chart != "LINE":
        return chart
    return chart | {
        "xAxisKey": "step",  # in an axis of its own: the page's one may be time
        "useGlobalXaxisKey": False,
        "selectedXAxisMetricKey": "",
        "xAxisScaleType": "linear",
        "scaleType": "linear",
        "range": {},
        "yAxisKey": "metric",
        "yAxisExpressions": [],
        "lineSmoothness": 0,
        "useGlobalLineSmoothing": False,
        "ignoreOutliers": False,
        "displayPoints": True,
    }
