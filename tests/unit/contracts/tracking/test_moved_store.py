"""A SQLite store whose folder was renamed or copied."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from components.contracts.tracking.client import Tracker
from tests.support.stores import ready_store


def _store(folder: Path) -> str:
    return f"sqlite:///{folder / 'mlflow.db'}"


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store with two runs that have a file each.

    A run for each test, and files that MLflow has not written: within one process, it remembers where
    the artifacts of a run are.
    """
    folder = tmp_path_factory.mktemp("place") / "mlflow"
    tracker = Tracker(ready_store(folder / "mlflow.db"), "streets")
    for key in ("copied", "renamed"):
        run = tracker.ensure_run(key, "name", {}, None, 1000)
        figures = folder / "artifacts" / str(run) / "artifacts" / "figures"
        figures.mkdir(parents=True)
        (figures / "a.txt").write_text("first")
    return folder


@pytest.mark.parametrize("how", ["copied", "renamed"])
def test_the_artifacts_of_a_store_move_with_it(original: Path, tmp_path: Path, how: str) -> None:
    before = Path(shutil.copytree(original, tmp_path / "before" / "mlflow"))
    Tracker(_store(before), "streets").check()
    after = tmp_path / "my runs" / "mlflow"
    (shutil.copytree if how == "copied" else shutil.move)(str(before), str(after))

    tracker = Tracker(_store(after), "streets")
    run = tracker.ensure_run(how, "name", {}, None, 1000)
    tracker.log_files(run, {"figures/b.txt": b"second"})
    assert not tracker.down
    listed = {Path(f.path).name for f in tracker.client.list_artifacts(run, "figures")}
    assert listed == {"a.txt", "b.txt"}
    assert len(list(after.rglob("b.txt"))) == 1
    assert not list(before.rglob("b.txt"))
    assert len(list(before.rglob("a.txt"))) == (2 if how == "copied" else 0)
    new = tracker.ensure_run("other", "name", {}, None, 1000)
    uri = tracker.client.get_run(new).info.artifact_uri
    assert uri.startswith((after / "artifacts").as_uri())


def test_artifacts_kept_elsewhere_on_purpose_stay_there(tmp_path: Path) -> None:
    elsewhere = tmp_path / "big disk" / "artifacts"
    elsewhere.mkdir(parents=True)
    folder = tmp_path / "mlflow"
    tracker = Tracker(ready_store(folder / "mlflow.db"), "streets")
    (folder / "artifacts").mkdir(parents=True)
    tracker.client.create_experiment("own", elsewhere.as_uri())
    again = Tracker(_store(folder), "own")
    assert again.client.get_experiment_by_name("own").artifact_location == elsewhere.as_uri()
