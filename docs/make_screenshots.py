"""Take the pictures of the MLflow pages in docs/images, in a real headless browser.

    python docs/make_screenshots.py [--store runs/mlflow] [--output docs/images]

This needs Chromium and its driver (Debian: `apt-get install chromium chromium-driver`) and a store with
finished campaigns, of which the two newest are compared. A page that does not show what it should is
an error.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any

from browser import Page, running, running_browser, shoot

from components.contracts.tracking.client import Tracker
from components.contracts.tracking.environment import keep_mlflow_quiet
from components.contracts.tracking.view import CAMPAIGNS, open_page

_PORT = 5917
# What a person would click once: the pages for training, and no assistant next to them.
_CHOICES = {
    "mlflow.workflowType_v1": '"machine_learning"',
    "mlflow.assistant.panelOpen_v1": "false",
    "mlflow.assistant.fab.autoOpenedOnFirstLoad_v1": "true",
}


def main() -> None:
    """Start the server and the browser, open each page, and save its picture."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--store", type=Path, default=Path("runs/mlflow"))
    parser.add_argument("--output", type=Path, default=Path("docs/images"))
    args = parser.parse_args()
    keep_mlflow_quiet()
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
    tracker = Tracker(uri, "streetloop")
    experiment = tracker.experiment_id
    runs = tracker.client.search_runs([experiment], order_by=["attributes.start_time DESC"])
    parents = [r for r in runs if "mlflow.parentRunId" not in r.data.tags][:2]
    first = parents[-1]
    cycles = [r for r in runs if r.data.tags.get("mlflow.parentRunId") == first.info.run_id]
    last = max(cycles, key=lambda r: int(r.data.tags["cycle"])).info.run_id
    page = open_page(f"http://127.0.0.1:{_PORT}", tracker, CAMPAIGNS)
    curves = page.partition("/#")[2]  # as `streetloop ui` prints it
    titles = tuple(r.info.run_name for r in parents)
    model = first.data.tags["streetloop.recipe"]
    at = f"/experiments/{experiment}/runs"
    return {
        "mlflow-curves": _page(curves, ("curve/labels_asked", *titles), ".js-plotly-plot"),
        "mlflow-runs": _page(curves.replace("CHART", "TABLE"), ("curve/labels_asked", "Source")),
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
    return Page(f"http://127.0.0.1:{_PORT}/#{path}", words, drawn, choices=_CHOICES, **options)


if __name__ == "__main__":
    main()
