"""A whole campaign: what `streetloop run` leaves behind, and what the other commands make of it."""

from __future__ import annotations

import json
import time
import zipfile
from pathlib import Path

import cv2
import numpy as np
import pytest
from e2e_support import SMOKE, status, streetloop

from components.contracts.ledger import Ledger
from components.contracts.storage import open_storage

pytestmark = pytest.mark.timeout(600)


def test_run_prints_progress_the_table_and_what_comes_next(smoke: Path) -> None:
    text = (smoke.parent / "output.txt").read_text()
    for words in (
        "train",
        "steps",
        "mIoU",
        "pixel accuracy",
        "Dice",
        "report.html",
        "streetloop ui",
    ):
        assert words in text
    assert "The campaign is complete." in text


def test_status_tells_every_cycle_in_fractions(smoke: Path) -> None:
    report = status(smoke)
    assert report["complete"] is True
    assert [c["labeled"] for c in report["cycles"]] == [4, 7]
    for cycle in report["cycles"]:
        assert cycle["outcome"] == "done"
        for name in ("miou", "pixel_accuracy", "dice"):
            assert 0 <= cycle[name] <= 1
        assert cycle["unlabeled"] > 0
        assert cycle["seconds"] > 0


def test_a_complete_campaign_is_not_trained_again(smoke: Path) -> None:
    before = Ledger(open_storage(str(smoke))).state().version
    started = time.monotonic()
    done = streetloop("run", SMOKE, "--root", str(smoke), cwd=smoke.parent)
    assert done.returncode == 0
    assert "complete" in done.stdout
    assert time.monotonic() - started < 20
    assert Ledger(open_storage(str(smoke))).state().version == before


def test_the_ledger_verifies_and_nothing_is_left_behind(smoke: Path) -> None:
    storage = open_storage(str(smoke))
    assert Ledger(storage).verify() == []
    assert storage.list("work") == []
    state = Ledger(storage).state()
    assert all(versions[-1].annotator == "oracle" for versions in state.labels.values())
    # The last query is out, and its images are not labeled yet.
    assert len(state.outstanding) == 3
    assert not set(state.outstanding) & set(state.labels)


def test_records_of_the_pool_hold_no_label(smoke: Path) -> None:
    from components.contracts.records import Records

    (folder,) = (smoke / "records").iterdir()
    records = Records(folder)
    assert records.ids("train")
    for image_id in records.ids("train"):
        assert records.read(image_id).label is None
    for image_id in records.ids("val"):
        assert records.read(image_id).label is not None


def test_mlflow_holds_a_parent_run_and_one_nested_run_a_cycle(smoke: Path) -> None:
    import mlflow

    uri = f"sqlite:///{smoke.parent / 'mlflow' / 'mlflow.db'}"
    client = mlflow.MlflowClient(uri, registry_uri=uri)
    experiment = client.get_experiment_by_name("streetloop")
    runs = client.search_runs([experiment.experiment_id])
    parents = [r for r in runs if "mlflow.parentRunId" not in r.data.tags]
    cycles = [r for r in runs if "mlflow.parentRunId" in r.data.tags]
    assert len(parents) == 1
    assert len(cycles) == 2
    report = status(smoke)
    for run in cycles:
        assert run.data.tags["mlflow.parentRunId"] == parents[0].info.run_id
        assert run.info.status == "FINISHED"
        row = report["cycles"][int(run.data.tags["cycle"]) - 1]
        for name in ("miou", "pixel_accuracy", "dice"):
            assert run.data.metrics[f"val/{name}"] == pytest.approx(row[name])
        assert run.data.params["query.strategy"] == "entropy"
        assert run.data.tags["git.sha"]
        names = {f.path for f in client.list_artifacts(run.info.run_id, "figures")}
        assert "figures/confusion.png" in names
        assert client.list_artifacts(run.info.run_id, "images")
        losses = client.get_metric_history(run.info.run_id, "train/supervised_loss")
        assert [p.step for p in losses] == [6, 12]
    curve = client.get_metric_history(parents[0].info.run_id, "curve/miou")
    assert sorted(p.step for p in curve) == [4, 7]


def test_the_champion_of_the_registry_is_the_champion_of_the_ledger(smoke: Path) -> None:
    import mlflow

    uri = f"sqlite:///{smoke.parent / 'mlflow' / 'mlflow.db'}"
    client = mlflow.MlflowClient(uri, registry_uri=uri)
    version = client.get_model_version_by_alias("smoke", "champion")
    champion = Ledger(open_storage(str(smoke))).state().champion
    assert champion is not None
    assert version.tags["streetloop.model"] == champion.model
    assert len(client.search_model_versions("name = 'smoke'")) == 2


def test_predict_writes_label_ids_at_each_image_s_own_size(smoke: Path, tmp_path: Path) -> None:
    images = tmp_path / "images"
    images.mkdir()
    rng = np.random.default_rng(0)
    sizes = {"a_leftImg8bit.png": (60, 90), "b.jpg": (33, 47)}
    for name, size in sizes.items():
        cv2.imwrite(str(images / name), rng.integers(0, 255, (*size, 3), np.uint8))
    done = streetloop(
        "predict",
        *("--model", "models:/smoke@champion"),
        *("--tracking-uri", f"sqlite:///{smoke.parent / 'mlflow' / 'mlflow.db'}"),
        *("--images", str(images), "--output", str(tmp_path / "out")),
        *("--flip", "--scales", "0.75,1", "--window", "64x64"),
        *("--overlays", str(tmp_path / "seen"), "--submission", str(tmp_path / "all.zip")),
        cwd=tmp_path,
    )
    assert done.returncode == 0, done.stderr
    allowed = {7, 8, 11, 12, 13, 17, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 31, 32, 33}
    for name, size in (("a", (60, 90)), ("b", (33, 47))):
        mask = cv2.imread(str(tmp_path / "out" / f"{name}_labelIds.png"), cv2.IMREAD_UNCHANGED)
        assert mask.shape == size
        assert set(np.unique(mask).tolist()) <= allowed
        assert cv2.imread(str(tmp_path / "seen" / f"{name}_overlay.png")).shape[:2] == size
    names = zipfile.ZipFile(tmp_path / "all.zip").namelist()
    assert names == ["a_labelIds.png", "b_labelIds.png"]


def test_evaluate_scores_the_champion_as_its_cycle_did(smoke: Path) -> None:
    done = streetloop("evaluate", SMOKE, "--root", str(smoke), "--split", "val", cwd=smoke.parent)
    assert done.returncode == 0, done.stderr
    champion = Ledger(open_storage(str(smoke))).state().champion
    assert champion is not None
    scores = json.loads((smoke / "reports" / f"val-{champion.model[:12]}.json").read_text())
    row = status(smoke)["cycles"][champion.cycle - 1]
    assert scores["miou"] == pytest.approx(row["miou"], abs=1e-9)
    refused = streetloop(
        "evaluate", SMOKE, "--root", str(smoke), "--split", "test", cwd=smoke.parent
    )
    assert refused.returncode == 1
    assert "Traceback" not in refused.stderr


def test_a_campaign_keeps_its_seed(smoke: Path) -> None:
    done = streetloop("run", SMOKE, "--root", str(smoke), "--set", "seed=5", cwd=smoke.parent)
    assert done.returncode in (1, 2)
    assert "seed" in done.stderr
    assert "Traceback" not in done.stderr
