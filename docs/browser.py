"""Drive Chromium through its driver, and take a picture of a page once it shows what it should."""

from __future__ import annotations

import base64
import json
import shutil
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import cv2
import numpy as np

_FLAGS = (
    *("--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", "--no-first-run"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
    "--window-size=1600,1140",
)
_DRIVER = "http://127.0.0.1:5918"
_LARGEST = 400_000  # bytes of a picture
_PATIENCE = 240  # seconds until a server answers or a page has drawn what it should
# Scroll to the section of charts with this heading; a tab of the same name comes before it.
_SECTION = """
const found = [...document.querySelectorAll("*")].filter(
    e => e.children.length === 0 && e.textContent.trim() === arguments[0]);
const heading = found[found.length - 1];
if (found.length > 1 && arguments[1]) { heading.click(); }
if (found.length > 1) { heading.scrollIntoView(); }
"""


@dataclass(frozen=True)
class Page:
    """A page, and what it must show before its picture is taken.

    Attributes:
      address: its URL.
      words: texts that it must show.
      drawn: a CSS selector of something that it must have drawn.
      section: the heading of a folded section to open.
      choices: entries of the browser's local storage, as if a person had made these choices.
    """

    address: str
    words: tuple[str, ...]
    drawn: str = ""
    section: str = ""
    choices: Mapping[str, str] = field(default_factory=dict)


class Browser:
    """Chromium, controlled by the W3C WebDriver protocol."""

    def __init__(self) -> None:
        options = {"binary": _program("chromium"), "args": list(_FLAGS)}
        wanted = {"alwaysMatch": {"browserName": "chrome", "goog:chromeOptions": options}}
        self._session = ""
        opened = self._call("POST", "/session", capabilities=wanted)
        self._session = f"/session/{opened['sessionId']}"

    def open(self, url: str) -> None:
        """Open an address."""
        self._call("POST", "/url", url=url)

    def run(self, script: str, *args: Any) -> Any:
        """Run JavaScript in the page, and return its result."""
        return self._call("POST", "/execute/sync", script=script, args=list(args))

    def click(self, selector: str) -> None:
        """Click the first element that a CSS selector finds, as a person would: it must be in sight."""
        found = self._call("POST", "/element", using="css selector", value=selector)
        self._call("POST", f"/element/{next(iter(found.values()))}/click")

    def picture(self) -> bytes:
        """Return the window as PNG."""
        return base64.b64decode(self._call("GET", "/screenshot"))

    def close(self) -> None:
        """End the browser."""
        self._call("DELETE", "")

    def _call(self, method: str, path: str, **body: Any) -> Any:
        request = urllib.request.Request(
            f"{_DRIVER}{self._session}{path}",
            data=json.dumps(body).encode() if method == "POST" else None,
            headers={"Content-Type": "application/json"},
            method=method,
        )
        with urllib.request.urlopen(request, timeout=_PATIENCE) as answer:
            return json.loads(answer.read())["value"]


@contextmanager
def running_browser() -> Iterator[Browser]:
    """Yield a browser that ends with the block."""
    port = _DRIVER.rpartition(":")[2]
    with running([_program("chromedriver"), f"--port={port}"], f"{_DRIVER}/status"):
        browser = Browser()
        try:
            yield browser
        finally:
            browser.close()


@contextmanager
def running(command: list[str], health: str) -> Iterator[None]:
    """Run a server during the block, which starts once the address `health` answers."""
    server = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        deadline = time.monotonic() + _PATIENCE
        while True:
            try:
                urllib.request.urlopen(health, timeout=2)
                break
            except OSError:
                if time.monotonic() > deadline or server.poll() is not None:
                    sys.exit(f"{command[0]} did not answer within {_PATIENCE} s.")
                time.sleep(1)
        yield
    finally:
        server.terminate()
        server.wait(20)


def shoot(browser: Browser, page: Page) -> bytes:
    """Return a picture of a page once it shows its words, as a PNG of at most 400 kB."""
    browser.open(page.address)
    for key, value in page.choices.items():
        browser.run("localStorage.setItem(arguments[0], arguments[1])", key, value)
    browser.open("about:blank")  # not a reload: the page may have changed its address
    browser.open(page.address)
    deadline = time.monotonic() + _PATIENCE
    while not _shows(browser, page):
        if page.section:
            browser.run(_SECTION, page.section, True)  # it may be folded
        if time.monotonic() > deadline:
            text = browser.run("return document.body.innerText")
            sys.exit(
                f"{page.address} does not show {page.words} and {page.drawn!r}. It shows:\n{text}"
            )
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
    """Round the colours until the picture is small enough; screens have few of them."""
    picture = cv2.imdecode(np.frombuffer(png, np.uint8), cv2.IMREAD_COLOR)
    level = 1
    while len(png) > _LARGEST:
        level *= 2
        rounded = np.minimum(picture // level * level + level // 2, 255).astype(np.uint8)
        png = cv2.imencode(".png", rounded, [cv2.IMWRITE_PNG_COMPRESSION, 9])[1].tobytes()
    return png


def _program(name: str) -> str:
    path = shutil.which(name)
    if path is None:
        sys.exit(f"{name} not found on the PATH. Install it (Debian: chromium, chromium-driver).")
    return path
