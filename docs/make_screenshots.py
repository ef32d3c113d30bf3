"""Takes the pictures of the MLflow pages in docs/images, in a real headless browser.

    python docs/make_screenshots.py [--store runs/mlflow] [--output docs/images]

It needs Chromium and its driver (Debian: `apt-get install chromium chromium-driver`) and a store with
finished campaigns; the two newest are compared. A page that does not show what it should is an error.
"""

from __future__ import annotations

import argparse
import base64
import json
import shutil
import subprocess
import sys
import time
import urllib.parse
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import cv2
import mlflow
import numpy as np

_FLAGS = (
    *("--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", "--no-first-run"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
    "--window-size=1600,1140",
)
_UI, _DRIVER = 5917, 5918  # ports
_LARGEST = 400_000  # bytes of a picture
_PATIENCE = 240  # seconds until a page has drawn what it should
# What a person would click once: the pages for training, and no assistant beside them.
_CHOICES = {
    "mlflow.workflowType_v1": '"machine_learning"',
    "mlflow.assistant.panelOpen_v1": "false",
    "mlflow.assistant.fab.autoOpenedOnFirstLoad_v1": "true",
}


# Brings the section of charts with this heading to the top; a tab of the same name stands before it.
_SECTION = """
const found = [...document.querySelectorAll("*")].filter(
    e => e.children.length === 0 && e.textContent.trim() === arguments[0]);
const heading = found[found.length - 1];
if (found.length > 1 && arguments[1]) { heading.click(); }
if (found.length > 1) { heading.scrollIntoView(); }
"""
_COLUMNS = ("metrics.`labeled`", "metrics.`val/miou`", "metrics.`val/pixel_accuracy`")
_COLUMNS += ("metrics.`val/dice`", "tags.`promoted`", "params.`query.strategy`")


@dataclass(frozen=True)
class Page:
    """One page: its path, and the words and the things (a CSS selector) that it must show."""

    path: str
    words: tuple[str, ...]
    drawn: str = ""
    section: str = ""  # the heading of a folded section to open
    choices: Mapping[str, str] = field(default_factory=dict)  # on this page, as in `_CHOICES`


def main() -> None:
    """Starts the server and the browser, opens each page, saves what it looks like."""
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
    with (
        _running([*ui, "--port", str(_UI), "--workers", "1"], f"http://127.0.0.1:{_UI}/health"),
        _running([_program("chromedriver"), f"--port={_DRIVER}"], f"{Browser.URL}/status"),
    ):
        browser = Browser()
        try:
            for name, page in pages(uri).items():
                picture = shoot(browser, page)
                (args.output / f"{name}.png").write_bytes(picture)
                print(f"Wrote {args.output / name}.png, {len(picture) // 1000} kB")
        finally:
            browser.close()


def pages(uri: str) -> dict[str, Page]:
    """The pages to show, of the two newest campaigns of the store."""
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
        "mlflow-runs": Page(at, (f"{model} cycle 1", "promoted"), choices=_table(experiment, both)),
        "mlflow-compare": Page(
            f"/metric?{urllib.parse.urlencode(curves, quote_via=urllib.parse.quote)}",
            ("curve/miou", "Completed Runs"),
            ".js-plotly-plot",
        ),
        "mlflow-charts": Page(
            f"{at}/{first.info.run_id}/model-metrics", ("curve", "dev_iou"), ".js-plotly-plot"
        ),
        "mlflow-run": Page(f"{at}/{last}", ("query.strategy", "kfp.run_id")),
        "mlflow-system": Page(
            f"{at}/{last}/system-metrics",
            ("cpu_utilization",),
            ".js-plotly-plot",
            section="System metrics",
        ),
        "mlflow-images": Page(
            f"{at}/{last}/artifacts/figures/confusion.png", ("figures/confusion.png",), "img"
        ),
        "mlflow-registry": Page(f"/models/{model}", ("champion", "challenger")),
    }


def _table(experiment: str, campaigns: list[str]) -> dict[str, str]:
    """The table of runs with the scores as columns, and each campaign's cycles below it."""
    state = {"orderByKey": "attributes.start_time", "orderByAsc": False, "searchFilter": ""}
    state |= {"startTime": "ALL", "lifecycleFilter": "Active", "selectedColumns": _COLUMNS}
    state |= {"runsExpanded": dict.fromkeys(campaigns, True)}
    name = f"MLflowLocalStorage-1.1-ExperimentPage-{json.dumps([experiment])}-ReactComponentState"
    return {name: json.dumps(state)}


class Browser:
    """Chromium through its driver, by the W3C WebDriver protocol."""

    URL = f"http://127.0.0.1:{_DRIVER}"

    def __init__(self) -> None:
        options = {"binary": _program("chromium"), "args": list(_FLAGS)}
        wanted = {"alwaysMatch": {"browserName": "chrome", "goog:chromeOptions": options}}
        self._session = ""
        self._session = (
            f"/session/{self._call('POST', '/session', capabilities=wanted)['sessionId']}"
        )

    def open(self, url: str) -> None:
        """Goes to an address."""
        self._call("POST", "/url", url=url)

    def run(self, script: str, *args: Any) -> Any:
        """Runs JavaScript in the page; returns what it returns."""
        return self._call("POST", "/execute/sync", script=script, args=list(args))

    def picture(self) -> bytes:
        """The window as PNG."""
        return base64.b64decode(self._call("GET", "/screenshot"))

    def close(self) -> None:
        """Ends the browser."""
        self._call("DELETE", "")

    def _call(self, method: str, path: str, **body: Any) -> Any:
        request = urllib.request.Request(
            f"{self.URL}{self._session}{path}",
            data=json.dumps(body).encode() if method == "POST" else None,
            headers={"Content-Type": "application/json"},
            method=method,
        )
        with urllib.request.urlopen(request, timeout=_PATIENCE) as answer:
            return json.loads(answer.read())["value"]


def shoot(browser: Browser, page: Page) -> bytes:
    """A picture of a page once it shows its words, as a PNG of at most 400 kB."""
    address = f"http://127.0.0.1:{_UI}/#{page.path}"
    browser.open(address)
    for key, value in {**_CHOICES, **page.choices}.items():
        browser.run("localStorage.setItem(arguments[0], arguments[1])", key, value)
    browser.run("location.reload()")
    deadline = time.monotonic() + _PATIENCE
    while not _shows(browser, page):
        if page.section:
            browser.run(_SECTION, page.section, True)  # it may be folded
        if time.monotonic() > deadline:
            text = browser.run("return document.body.innerText")
            sys.exit(f"Expected {page.words} and {page.drawn} on {address}; the page says:\n{text}")
        time.sleep(1)
    if page.section:
        browser.run(_SECTION, page.section, False)
    time.sleep(4)  # until charts have moved to their place
    return _small(browser.picture())


def _shows(browser: Browser, page: Page) -> bool:
    text = browser.run("return document.body.innerText")
    drawn = not page.drawn or browser.run(
        "return document.querySelectorAll(arguments[0]).length", page.drawn
    )
    return bool(drawn) and all(word in text for word in page.words)


def _small(png: bytes) -> bytes:
    """The picture with its colours rounded until it is small enough; screens have few of them."""
    picture = cv2.imdecode(np.frombuffer(png, np.uint8), cv2.IMREAD_COLOR)
    level = 1
    while len(png) > _LARGEST:
        level *= 2
        rounded = np.minimum(picture // level * level + level // 2, 255).astype(np.uint8)
        png = cv2.imencode(".png", rounded, [cv2.IMWRITE_PNG_COMPRESSION, 9])[1].tobytes()
    return png


@contextmanager
def _running(command: list[str], health: str) -> Iterator[None]:
    server = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        deadline = time.monotonic() + _PATIENCE
        while True:
            try:
                urllib.request.urlopen(health, timeout=2)
                break
            except OSError:
                if time.monotonic() > deadline or server.poll() is not None:
                    sys.exit(f"Expected {command[0]} to answer within {_PATIENCE} s; it did not.")
                time.sleep(1)
        yield
    finally:
        server.terminate()
        server.wait(20)


def _program(name: str) -> str:
    found = shutil.which(name)
    if found is None:
        sys.exit(
            f"Expected {name} on the PATH; found none. Install it (Debian: chromium, chromium-driver)."
        )
    return found


if __name__ == "__main__":
    main()
