"""From a printed address to two strategies side by side, in Chromium and with a profile that is new.

Nothing is set in the browser beforehand: it meets MLflow as a person does on the first day.
"""

from __future__ import annotations

import os
import re
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from docs.browser import Browser, running_browser
from tests.support.campaigns import SMOKE, STREETLOOP, streetloop
from tests.support.gcs_server import free_port

pytestmark = [pytest.mark.browser, pytest.mark.timeout(1800)]
STRATEGIES = ("entropy", "random")
TITLES = {f"smoke ({name}, seed 1)" for name in STRATEGIES}
# A line, as Plotly holds it: the name of its run, and its points.
LINES = """
return [...document.querySelectorAll(".js-plotly-plot")].map(
    plot => plot.data.map(line => [line.name, [...line.x], [...line.y]]))
"""
# Where the heading of a column begins, in pixels.
LEFT = """
return [...document.querySelectorAll("[role=columnheader]")].find(
    heading => heading.textContent.trim() === arguments[0]).getBoundingClientRect().left
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two campaigns, one with each strategy, in a folder whose MLflow store they share."""
    found = tmp_path_factory.mktemp("campaigns")
    for strategy in STRATEGIES:
        done = streetloop(
            *("run", SMOKE, "--set", f"query.strategy={strategy}", "--root", strategy), cwd=found
        )
        assert done.returncode == 0, done.stdout + done.stderr
        assert re.search(
            rf"MLflow: +\S+ ui \S+smoke\.yaml --root \S+{strategy} --open", done.stdout
        )
    return found


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with running_browser() as found:
        yield found


@contextmanager
def served(folder: Path, root: str, recipe: str = SMOKE) -> Iterator[tuple[str, int]]:
    """Run `streetloop ui --open`; yield the address that it opens, and its process."""
    opened = folder / "opened.txt"
    opened.unlink(missing_ok=True)
    program = folder / "browser.sh"
    program.write_text(f'#!/bin/sh\necho "$1" > {opened}.part && mv {opened}.part {opened}\n')
    program.chmod(0o755)
    log = folder / "ui.log"
    command = [STREETLOOP, "ui", recipe, "--root", root, "--port", str(free_port()), "--open"]
    with log.open("wb") as output:
        server = subprocess.Popen(
            command,
            cwd=folder,
            env=os.environ | {"BROWSER": str(program)},
            stdout=output,
            stderr=output,
            start_new_session=True,
        )
    try:
        deadline = time.monotonic() + 120
        while not opened.exists():
            assert server.poll() is None, log.read_text()
            assert time.monotonic() < deadline, log.read_text()
            time.sleep(0.2)
        address = opened.read_text().strip()
        assert f"MLflow: {address} (press Ctrl-C to stop)" in log.read_text()
        yield address, server.pid
    finally:
        os.killpg(server.pid, signal.SIGTERM)
        server.wait(30)


def wait_for(browser: Browser, *words: str) -> str:
    """Return the text of the page once it shows all words."""
    deadline = time.monotonic() + 60
    while True:
        text = str(browser.run("return document.body.innerText"))
        if all(word in text for word in words):
            return text
        assert time.monotonic() < deadline, f"{words} are not all in:\n{text}"
        time.sleep(0.5)


def charts(browser: Browser, number: int) -> list[list[list[Any]]]:
    """Return the lines of the first charts, once they are drawn."""
    deadline = time.monotonic() + 60
    while True:
        found = browser.run(LINES)
        if len(found) >= number and all(found[:number]):
            return list(found[:number])
        assert time.monotonic() < deadline, f"{found} are not {number} charts"
        time.sleep(0.5)


def assert_curves(browser: Browser) -> None:
    """The page compares both strategies over labels, in MLflow's pages for training."""
    text = wait_for(browser, "Learning curves over labels", "curve/labels_asked", *TITLES)
    assert "Welcome to MLflow" not in text
    assert "Token usage" not in text
    assert "workflowType=machine_learning" in browser.run("return location.href")
    first = [w for w in text.splitlines() if w.startswith("curve/")]
    assert first == ["curve/miou", "curve/pixel_accuracy", "curve/dice", "curve/labels_asked"]
    for lines in charts(browser, 4):
        assert {line[0] for line in lines} == TITLES
        assert all(line[1] == [4, 7] for line in lines)  # labeled images


def test_the_printed_address_overlays_the_strategies_over_labels(
    folder: Path, browser: Browser
) -> None:
    with served(folder, "entropy") as (address, _):
        browser.open(address)
        assert_curves(browser)
        asked = {line[0]: line[2] for line in charts(browser, 4)[3]}
        assert asked == {key: [7, 10] for key in TITLES}

        browser.click("label:has(input[value=TABLE])")
        # The table draws only the columns that the window has room for, and the assistant takes some.
        browser.run("document.querySelector('[aria-label=Close]')?.click()")
        rows = wait_for(browser, "curve/labels_asked", "Models", "Dataset", "Source", "v1")
        assert set(rows.splitlines()) >= TITLES | {"streetloop", "10"}
        assert re.search(r"^smoke\s+v1$", rows, re.MULTILINE)
        assert re.search(r"^synthetic \([0-9a-f]+\)$", rows, re.MULTILINE)
        left = {name: browser.run(LEFT, name) for name in ("curve/miou", "Dataset")}
        assert 0 < left["curve/miou"] < left["Dataset"]

        browser.click("label:has(input[value=CHART])")
        assert_curves(browser)


def test_the_address_of_compare_overlays_these_campaigns_only(
    folder: Path, browser: Browser
) -> None:
    roots = [f"{SMOKE}@{folder / name}" for name in STRATEGIES]
    done = streetloop("compare", *roots, cwd=folder)
    assert done.returncode == 0, done.stderr
    printed = re.search(r"MLflow: +(http://127\.0\.0\.1:5000/#\S+)", done.stdout)
    assert printed is not None
    with served(folder, "random") as (address, _):
        server, _, _ = address.partition("/#/")
        browser.open("about:blank")
        browser.open(printed[1].replace("http://127.0.0.1:5000", server))
        assert_curves(browser)
        wait_for(browser, "2 matching runs")


def test_a_name_of_the_menu_opens_the_curves_from_anywhere_in_the_experiment(
    folder: Path, browser: Browser
) -> None:
    with served(folder, "entropy") as (address, _):
        plain, _, _ = address.partition("&")
        browser.open("about:blank")
        browser.open(plain)
        wait_for(browser, "Run Name")
        browser.click("[data-testid=saved-views-trigger]")
        wait_for(browser, "Learning curves")
        browser.run(
            """[...document.querySelectorAll("[role=menuitem] *, [role=menuitem]")].filter(
                e => e.textContent.trim() === "Learning curves").pop().click()"""
        )
        wait_for(browser, "curve/labels_asked", *TITLES)


def test_the_server_starts_no_workers_for_jobs(folder: Path) -> None:
    with served(folder, "entropy") as (_, server):
        environment = Path(f"/proc/{server}/environ").read_bytes().decode().split("\0")
        assert "MLFLOW_DISABLE_TELEMETRY=true" in environment
        assert "MLFLOW_SERVER_ENABLE_JOB_EXECUTION=false" in environment
        time.sleep(15)  # MLflow starts them some seconds later
        found = [pid for pid in os.listdir("/proc") if pid.isdecimal() and _group(pid) == server]
        kilobytes = [_memory(pid) for pid in found]
        assert len([k for k in kilobytes if k]) == 2  # `mlflow ui` and its one worker
        assert sum(kilobytes) < 800_000


def _group(pid: str) -> int | None:
    try:
        return os.getpgid(int(pid))
    except OSError:
        return None


def _memory(pid: str) -> int:
    rows = Path(f"/proc/{pid}/status").read_text().splitlines()
    return sum(int(row.split()[1]) for row in rows if row.startswith("VmRSS:"))
