from __future__ import annotations

import sys
from collections.abc import Iterator
from types import SimpleNamespace

import pytest

from tests.support.kfp_server import KfpServer, kfp_server


@pytest.fixture(autouse=True, scope="module")
def _compile_quickly() -> Iterator[None]:
    """Let KFP name its caller without reading source.

    It does so at each of a pipeline's forty settings, and looks through all imported modules for each
    frame of the stack: in the process of the tests, seconds a pipeline.
    """
    from kfp.dsl import pipeline_task

    def stack() -> list[list[object]]:
        """Return the first two rows of inspect.stack(), with the names of functions alone."""
        return [[None, None, None, sys._getframe(n).f_code.co_name] for n in (1, 2)]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(pipeline_task, "inspect", SimpleNamespace(stack=stack))
        yield


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[KfpServer]:
    """A running server of Kubeflow Pipelines, which the environment does not name."""
    monkeypatch.delenv("KF_PIPELINES_ENDPOINT", raising=False)
    with kfp_server() as running:
        yield running
