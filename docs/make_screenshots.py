"""Takes the pictures of the MLflow pages in docs/images, in a real headless browser.

    python docs/make_screenshots.py [--store runs/mlflow] [--output docs/images]

It needs Chromium (Debian: `apt-get install chromium`) and a store with a finished campaign.
"""

from __future__ import annotations

import argparse
import json
import shutil
import subprocess
import sys
import tempfile
import time
import urllib.parse
import urllib.request
from pathlib import Path

import mlflow

# A browser that calls nobody: every lookup but this machine's would only wait.
_FLAGS = (
    *("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"),
    *("--hide-scrollbars", "--disable-background-networking", "--disable-component-update"),
    "--disable-sync",
)
_PORT = 5917


def main() -> None:
    """Starts the server, opens each page, saves what it looks like."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--store", type=Path, default=Path("runs/mlflow"))
    parser.add_argument("--output", type=Path, default=Path("docs/images"))
    args = parser.parse_args()
    browser = (
        shutil.which("chromium")
        or shutil.which("chromium-browser")
        or shutil.which("google-chrome")
    )
    if browser is None:
        sys.exit("Expected Chromium on the PATH; found none. Install it (Debian: chromium).")
    uri = f"sqlite:///{(args.store / 'mlflow.db').absolute()}"
    args.output.mkdir(parents=True, exist_ok=True)
    command = [sys.executable, "-m", "mlflow", "ui", "--backend-store-uri", uri]
    command += ["--default-artifact-root", (args.store / "artifacts").absolute().as_uri()]
    server = subprocess.Popen([*command, "--port", str(_PORT), "--workers", "1"])
    try:
        _wait()
        for name, page in pages(uri).items():
            shoot(browser, f"http://127.0.0.1:{_PORT}/#{page}", args.output / f"{name}.png")
            print(f"Wrote {args.output / name}.png")
    finally:
        server.terminate()
        server.wait(20)


def pages(uri: str) -> dict[str, str]:
    """The pages to show: name -> path, for the newest campaign of the store."""
    client = mlflow.MlflowClient(uri, registry_uri=uri)
    experiment = client.get_experiment_by_name("streetloop").experiment_id
    runs = client.search_runs([experiment], order_by=["attributes.start_time DESC"])
    parent = next(r for r in runs if "mlflow.parentRunId" not in r.data.tags)
    cycles = [r for r in runs if r.data.tags.get("mlflow.parentRunId") == parent.info.run_id]
    last = max(cycles, key=lambda r: int(r.data.tags["cycle"])).info.run_id
    both = urllib.parse.quote(json.dumps([r.info.run_id for r in cycles]))
    names = urllib.parse.quote(json.dumps([experiment]))
    return {
        "mlflow-runs": f"/experiments/{experiment}/runs?searchFilter=tags.cycle%20LIKE%20%27%25%27",
        "mlflow-compare": f"/compare-runs?runs={both}&experiments={names}",
        "mlflow-charts": f"/experiments/{experiment}/runs/{parent.info.run_id}/model-metrics",
        "mlflow-run": f"/experiments/{experiment}/runs/{last}",
        "mlflow-images": f"/experiments/{experiment}/runs/{last}/artifacts/figures/confusion.png",
        "mlflow-registry": f"/models/{parent.data.tags['streetloop.recipe']}",
    }


def shoot(browser: str, url: str, output: Path) -> None:
    """Saves a picture of a page, after its scripts have had time to draw."""
    with tempfile.TemporaryDirectory() as profile:
        subprocess.run(
            [
                *(browser, *_FLAGS, f"--user-data-dir={profile}", "--window-size=1600,1000"),
                *("--virtual-time-budget=120000", f"--screenshot={output}", url),
            ],
            check=True,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            timeout=180,
        )


def _wait() -> None:
    for _ in range(120):
        try:
            urllib.request.urlopen(f"http://127.0.0.1:{_PORT}/health", timeout=2)
            return
        except OSError:
            time.sleep(1)
    sys.exit("Expected the MLflow server to answer within two minutes; it did not.")


if __name__ == "__main__":
    main()
