"""A cycle whose MLflow dies in training, and what KFP and MLflow have of it in the end."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from components.contracts.ledger.ledger import Ledger
from components.contracts.storage.open import open_storage
from tests.support.campaigns import SMOKE, streetloop
from tests.support.mlflow_content import content_of
from tests.support.servers import MlflowServer, plain_mlflow
from tests.support.waiting import exit_code, running, wait_until
from tfds_cityscapes.labels import CLASS_NAMES

pytestmark = pytest.mark.slow
WORKER = Path(__file__).parents[1] / "support" / "cycle_worker.py"


@dataclass
class Outage:
    """A campaign of one trained cycle; `folder` holds KFP's artifacts and the log."""

    root: Path
    folder: Path
    server: MlflowServer
    changes: tuple[str, ...]

    @property
    def report(self) -> dict[str, Any]:
        return json.loads((self.root / "cycles" / "1" / "report.json").read_text())

    def artifact(self, name: str) -> Path:
        (found,) = (self.folder / "kfp").rglob(f"evaluate/{name}")
        return found


@pytest.fixture(scope="module")
def outage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Outage]:
    place = tmp_path_factory.mktemp("outage")
    root, folder = place / "smoke", place / "kfp"
    server = plain_mlflow(place)
    server.start()
    changes = (f"tracking.uri={server.url}", "cycle.cycles=1")
    changes += ("tracking.system_metrics_seconds=1",)
    command = [sys.executable, str(WORKER), str(root), str(folder), *changes]
    checkpoints = root / "work" / "1" / "checkpoint"
    try:
        with running(command, cwd=place) as process:
            wait_until(lambda: list(checkpoints.glob("*.npz")), process)
            server.kill()
            assert exit_code(process) == 0, (folder / "log.txt").read_text()[-3000:]
    finally:
        server.kill()
    yield Outage(root, folder, server, changes)
    server.kill()


def test_the_cycle_goes_on_and_says_so_once_in_a_step(outage: Outage) -> None:
    state = Ledger(open_storage(str(outage.root))).state()
    assert state.cycles[1].outcome == "done"
    assert state.champion is not None
    said = re.findall(r"MLflow at \S+ did not accept", (outage.folder / "log.txt").read_text())
    assert 1 <= len(said) <= 3  # training, evaluation, closing


def test_kfp_has_the_scores_as_metrics(outage: Outage) -> None:
    (text,) = (outage.folder / "kfp").rglob("evaluate/executor_output.json")
    found = json.loads(text.read_text())["artifacts"]["metrics"]["artifacts"][0]["metadata"]
    for split in ("dev", "val"):
        for name in ("miou", "pixel_accuracy", "dice"):
            assert found[f"{split}_{name}"] == pytest.approx(outage.report[split][name])


def test_kfp_has_the_confusion_matrix_of_all_classes(outage: Outage) -> None:
    (text,) = (outage.folder / "kfp").rglob("evaluate/executor_output.json")
    metadata = json.loads(text.read_text())["artifacts"]["confusion"]["artifacts"][0]["metadata"]
    matrix = metadata["confusionMatrix"]
    names = [row["displayName"] for row in matrix["annotationSpecs"]]
    assert names == list(CLASS_NAMES)
    rows = [row["row"] for row in matrix["rows"]]
    assert rows == outage.report["val"]["confusion"]
    assert len(rows) == len(rows[0]) == 19


def test_kfp_s_page_needs_no_script_and_no_other_file(outage: Outage) -> None:
    """KFP shows it in a frame with `sandbox` set: no scripts, no origin of its own."""
    page = outage.artifact("report").read_text()
    assert page.startswith("<!DOCTYPE html>")
    assert "mIoU" in page
    for word in ("<script", "<link", "<iframe", "javascript:", "http://", "https://", "@import"):
        assert word not in page.lower(), word
    assert not re.search(r"\son\w+\s*=", page)
    sources = re.findall(r'src="([^"]{0,30})', page)
    assert len(sources) > 3
    assert all(source.startswith("data:image/png;base64,") for source in sources)


def test_a_later_run_sends_all_that_is_missing_and_nothing_twice(outage: Outage) -> None:
    outage.server.start()
    before = _statuses(outage.server.url)
    assert set(before.values()) == {"RUNNING"}
    done = streetloop("run", SMOKE, "--root", str(outage.root), *_sets(outage), cwd=outage.folder)
    assert done.returncode == 0, done.stderr
    assert "complete" in done.stdout
    found = content_of(outage.server.url, "smoke")
    run = found["cycles"]["1"]
    assert found["runs"] == 2
    assert found["curve"] == [4]
    assert run["status"] == "FINISHED"
    assert run["losses"] == [6, 12]
    assert {"report.html", "scores.json", "figures/confusion.png"} <= set(run["files"])
    assert run["images"] == len(list((outage.root / "cycles" / "1" / "images").iterdir()))
    assert found["aliases"] == {"champion": "1", "challenger": "1"}
    for name in ("miou", "pixel_accuracy", "dice"):
        assert run["metrics"][f"val/{name}"] == pytest.approx(outage.report["val"][name])

    from components.contracts.ledger.layout import MLFLOW_IS_BEHIND as BEHIND

    assert not (outage.root / BEHIND).exists()


def _sets(outage: Outage) -> list[str]:
    return [word for change in outage.changes for word in ("--set", change)]


def _statuses(uri: str) -> dict[str, str]:
    import mlflow

    client = mlflow.MlflowClient(uri)
    experiment = client.get_experiment_by_name("streetloop").experiment_id
    return {r.info.run_id: r.info.status for r in client.search_runs([experiment])}
