"""Steps that compute nothing with TensorFlow do not wait for its import, in every cycle."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from components.contracts.recipe.recipe import Recipe
from tests.support.stores import ready_store
from tests.support.tiny_source import write_item
from tests.support.waiting import finished

RUN = """
import json, sys

HEAVY = ("tensorflow", "keras", "tensorflow_datasets")
recipe, root, *steps = sys.argv[1:]
at, records, heavy = (recipe, root, 1, 1), "", {}
for step in steps:
    if step == "open":
        from components.cycle.open import run
        run(recipe, root, "me", True)
    elif step == "preprocess":
        from components.preprocess.step import run
        records = run(*at)
    elif step == "close":
        from components.cycle.close import run
        run(recipe, root, "me", "the training failed")
    else:
        from importlib import import_module
        import_module(f"components.{step}.step").run(*at, records)
    heavy[step] = [name for name in HEAVY if name in sys.modules]
print(json.dumps(heavy))
"""


@pytest.mark.timeout(300)
def test_light_steps_leave_tensorflow_out_of_their_process(tmp_path: Path) -> None:
    for frame in range(3):
        write_item(tmp_path / "data", f"aa_000000_{frame:06d}")
    write_item(tmp_path / "data", "bb_000000_000000", "val")
    recipe = Recipe.model_validate(
        {
            "name": "street",
            "data": {"source": str(tmp_path / "data")},
            "feedback": {"oracle": True},
            "split": {"dev_fraction": 0, "initial": 1},
            "tracking": {"uri": ready_store(tmp_path / "mlflow.db")},
        }
    ).resolved()

    def heavy_after(*steps: str) -> dict[str, list[str]]:
        done = finished([sys.executable, "-c", RUN, recipe, str(tmp_path / "root"), *steps])
        assert done.returncode == 0, done.stderr
        found: dict[str, list[str]] = json.loads(done.stdout.splitlines()[-1])
        return found

    first = heavy_after("open", "preprocess")
    assert first["open"] == []
    assert "tensorflow" in first["preprocess"]  # TFDS writes records; so the list can tell
    steps = ("preprocess", "feedback", "split", "close")
    assert heavy_after(*steps) == {step: [] for step in steps}
