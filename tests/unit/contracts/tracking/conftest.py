"""An MLflow store on this machine, which the tests of a file share."""

from __future__ import annotations

import pytest

from components.contracts.tracking.client import Tracker
from tests.support.stores import ready_store


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> str:
    return ready_store(tmp_path_factory.mktemp("mlflow") / "mlflow.db")


@pytest.fixture
def tracker(store: str, request: pytest.FixtureRequest) -> Tracker:
    """A tracker with an experiment for this test alone."""
    return Tracker(store, request.node.name)
