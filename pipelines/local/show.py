"""Open a page in a browser once its server answers: `python -m pipelines.local.show PAGE HEALTH`.

A process of its own, because `streetloop ui` becomes the server.
"""

from __future__ import annotations

import os
import sys
import time
import urllib.error
import urllib.request
import webbrowser

_PATIENCE = 120  # seconds until a server has started
# They would take the terminal, and MLflow's pages need JavaScript.
_TERMINAL = {"www-browser", "links", "elinks", "lynx", "w3m"}


def main(page: str, health: str) -> int:
    """Open the page; return the exit code."""
    server = os.getppid()
    deadline = time.monotonic() + _PATIENCE
    while not _answers(health):
        if time.monotonic() > deadline or os.getppid() != server:
            return 1
        time.sleep(0.2)
    browser = _browser()
    if browser is None or not browser.open(page):
        print("No graphical browser found. Open the address by hand.", file=sys.stderr)
        return 1
    return 0


def _answers(address: str) -> bool:
    try:
        urllib.request.urlopen(address, timeout=5).close()  # noqa: S310, our own address
    except urllib.error.HTTPError:  # an answer, even if it asks for a password
        return True
    except OSError:
        return False
    return True


def _browser() -> webbrowser.BaseBrowser | None:
    """Return the user's browser; None if only browsers for the terminal are installed."""
    try:
        found = webbrowser.get()
    except webbrowser.Error:
        return None
    if "BROWSER" not in os.environ and getattr(found, "name", "") in _TERMINAL:
        return None
    return found


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
