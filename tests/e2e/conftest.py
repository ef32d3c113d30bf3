from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.support.campaigns import SMOKE, streetloop


@pytest.fixture(scope="session")
def smoke(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The root of a finished smoke campaign."""
    if "PYTEST_XDIST_WORKER" in os.environ:  # building it takes minutes: no two processes may
        (tmp_path_factory.getbasetemp().parent / "the-smoke-campaign").mkdir()
    root = tmp_path_factory.mktemp("e2e") / "smoke"
    done = streetloop("run", SMOKE, "--root", str(root), cwd=root.parent)
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
    (root.parent / "output.txt").write_text(done.stdout)
    return root
