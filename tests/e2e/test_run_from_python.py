"""A new campaign that is run by the function for Python, from a thread and without a terminal.

`test_old_campaigns.py` continues one in the same way, in less time.
"""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from tests.support.waiting import finished

RECIPE = Path(__file__).parents[1] / "fixtures" / "campaigns" / "recipe.yaml"
PROGRAM = """
import sys, threading
import streetloop

def work():
    state = streetloop.run(sys.argv[1], root="campaign", settings={"cycle.cycles": 1})
    print([cycle.outcome for cycle in state.cycles], state.complete, state.champion.cycle)

if __name__ == "__main__":
    thread = threading.Thread(target=work)  # as a server or a notebook's widget would call it
    thread.start()
    thread.join()
"""


@pytest.mark.slow
def test_a_campaign_runs_from_python(tmp_path: Path) -> None:
    done = finished([sys.executable, "-c", PROGRAM, str(RECIPE)], cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "['done'] True 1" in done.stdout
    assert "preprocess" in done.stdout
    assert (tmp_path / "campaign" / "ledger" / "000000.json").exists()
