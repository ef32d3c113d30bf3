"""A campaign that waits for labels, for the tests of every annotation tool."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.ingest_worker import campaign, painted
from tests.support.label_studio_double import Double, running_double
from tests.support.queries import FIRST, SECOND, ask


@pytest.fixture
def root(tmp_path: Path) -> str:
    """A campaign whose two queries asked for three images, the last with a prediction."""
    root = str(tmp_path / "root")
    ledger = campaign(root, ["a_0_0"])
    ask(ledger, 1, FIRST, None)
    ask(ledger, 2, SECOND, painted(3, 5))
    return root


@pytest.fixture
def double() -> Iterator[Double]:
    """A double of Label Studio; the tests of CVAT have one of their own."""
    with running_double() as server:
        yield server
