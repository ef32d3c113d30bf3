"""Take the pictures of the MLflow pages in docs/images, in a real headless browser.

    python docs/make_screenshots.py [--store runs/mlflow] [--output docs/images]

This needs Chromium and its driver (Debian: `apt-get install chromium chromium-driver`) and a store with
finished campaigns, of which the two newest are compared. A page that does not show what it should is
an error.
"""

from __future__ import annotations

import argparse
import json
import sys
import urllib.parse
from pathlib import Path
from typing import Any

import mlflow
from browser import Page, running, running_browser, shoot

_PORT = 5917
# What a person would click once: the pages for training, and no assistant next to them.
_CHOICES = {
    "mlflow.workflowType_v1": '"machine_learning"',
    "mlflow.assistant.panelOpen_v1": "false",
    "mlflow.assistant.fab.autoOpenedOnFirstLoad_v1": "true",
}
_COLUMNS = ("metrics.`labeled`", "metrics.`val/miou`", "metrics.`val/pixel_accuracy`")
_COLUMNS += ("metrics.`val/dice`", "tags.`promoted`", "params.`query.strategy`")


def main() -> None:
    """Start the server and the browser, open each page, and save its picture."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--store", type=Path, default=Path("runs/mlflow"))
    parser.add_argument("--output", type=Path, default=Path("docs/images"))
    args = parser.parse_args()
    uri = f"sqlite:///{(args.store / 'mlflow.db').absolute()}"
    args.output.mkdir(parents=True, exist_ok=True)
    ui = [sys.executable, "-m", "mlflow", "ui", "--backend-store-uri", uri]
    ui += ["--default-artifact-root", (args.store / "artifacts").absolute().as_uri()]
    health = f"http://127.0.0.1:{_PORT}/health"
    with (
        running([*ui, "--port", str(_PORT), "--workers", "1"], health),
        running_browser() as browser,
    ):
        for name, page in pages(uri).items():
            picture = shoot(browser, page)
            (args.output / f"{name}.png").write_bytes(picture)
            print(f"Wrote {args.output / name}.png, {len(picture) // 1000} kB")


def pages(uri: str) -> dict[str, Page]:
    """Return the pages to show, of the two newest campaigns in the store."""
    client = mlflow.MlflowClient(uri, registry_uri=uri)
    experiment = client.get_experiment_by_name("streetloop").experiment_id
    runs = client.search_runs([experiment], order_by=["attributes.start_time DESC"])
    parents = [r for r in runs if "mlflow.parentRunId" not in r.data.tags][:2]
    first = parents[-1]
    cycles = [r for r in runs if r.data.tags.get("mlflow.parentRunId") == first.info.run_id]
    last = max(cycles, key=lambda r: int(r.data.tags["cycle"])).info.run_id
    both = [r.info.run_id for r in parents]
    curves = {"runs": json.dumps(both), "experiments": json.dumps([experiment])}
    curves |= {"metric": '"curve/miou"', "plot_metric_keys": '["curve/miou"]'}
    curves |= {"x_axis": "step", "show_point": "true"}  # as `streetloop compare` prints it
    model = first.data.tags["streetloop.recipe"]
    at = f"/experiments/{experiment}/runs"
    return {
        "mlflow-runs": _page(
            at, (f"{model} cycle 1", "promoted"), choices=_table(experiment, both)
        ),
        "mlflow-compare": _page(
            f"/metric?{urllib.parse.urlencode(curves, quote_via=urllib.parse.quote)}",
            ("curve/miou", "Completed Runs"),
            ".js-plotly-plot",
        ),
        "mlflow-charts": _page(
            f"{at}/{first.info.run_id}/model-metrics", ("curve", "dev_iou"), ".js-plotly-plot"
        ),
        "mlflow-run": _page(f"{at}/{last}", ("query.strategy", "kfp.run_id")),
        "mlflow-system": _page(
            f"{at}/{last}/system-metrics",
            ("cpu_utilization",),
            ".js-plotly-plot",
            section="System metrics",
        ),
        "mlflow-images": _page(
            f"{at}/{last}/artifacts/figures/confusion.png", ("figures/confusion.png",), "img"
        ),
        "mlflow-registry": _page(f"/models/{model}", ("champion", "challenger")),
    }


def _page(path: str, words: tuple[str, ...], drawn: str = "", **options: Any) -> Page:
    choices = _CHOICES | options.pop("choices", {})
    return Page(f"http://127.0.0.1:{_PORT}/#{path}", words, drawn, choices=choices, **options)


def _table(experiment: str, campaigns: list[str]) -> dict[str, str]:
    """Return the state of the table of runs: scores as columns, the cycles of each campaign below it."""
    state = {"orderByKey": "attributes.start_time", "orderByAsc": False, "searchFilter": ""}
    state |= {"startTime": "ALL", "lifecycleFilter": "Active", "selectedColumns": _COLUMNS}
    state |= {"runsExpanded": dict.fromkeys(campaigns, True)}
    name = f"MLflowLocalStorage-1.1-ExperimentPage-{json.dumps([experiment])}-ReactComponentState"
    return {name: json.dumps(state)}


if __name__ == "__main__":
    main()
