"""A campaign that waits for labels, for the tests of every annotation tool."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.ingest_worker import campaign, painted
from tests.support.queries import FIRST, SECOND, ask


@pytest.fixture
def root(tmp_path: Path) -> str:
    """A campaign whose two queries asked for three images, the last with a prediction."""
    root = str(tmp_path / "root")
    ledger = campaign(root, ["a_0_0"])
    ask(ledger, 1, FIRST, None)
    ask(ledger, 2, SECOND, painted(3, 5))
    return root
