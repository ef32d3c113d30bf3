"""A whole campaign: what `streetloop run` leaves behind, and what the other commands make of it."""

from __future__ import annotations

import html
import json
import shutil
import zipfile
from pathlib import Path

import cv2
import numpy as np
import pytest

from components.contracts.ledger.lease import close_cycle, open_cycle
from components.contracts.ledger.ledger import Ledger
from components.contracts.step.report import CycleReport
from components.contracts.storage.open import open_storage
from tests.support.campaigns import SMOKE, status, streetloop


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
    done = streetloop("run", SMOKE, "--root", str(smoke), cwd=smoke.parent)
    assert done.returncode == 0
    assert "complete" in done.stdout
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
    from components.contracts.data.records import Records

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
        assert run.data.params["query.strategy"] == "auto"
        assert run.data.tags["git.sha"]
        names = {f.path for f in client.list_artifacts(run.info.run_id, "figures")}
        assert "figures/confusion.png" in names
        assert client.list_artifacts(run.info.run_id, "images")
        losses = client.get_metric_history(run.info.run_id, "train/supervised_loss")
        assert [p.step for p in losses] == [6, 12]
        data = {i.dataset.name: i.dataset.digest for i in run.inputs.dataset_inputs}
        assert data.keys() == {"labeled", "records"}
        assert all(data.values())
        assert run.data.tags["streetloop.recipe"] == "smoke"
        assert run.data.tags["streetloop.strategy"] == "auto"
        assert run.data.tags["streetloop.seed"] == "1"
        assert run.data.tags["kfp.run_id"].startswith("local-")
        assert "system/cpu_utilization_percentage" in run.data.metrics
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
    versions = client.search_model_versions("name = 'smoke'")
    assert len(versions) == 2
    for found in versions:
        row = status(smoke)["cycles"][int(found.tags["cycle"]) - 1]
        assert f"val mIoU {100 * row['miou']:.1f} %" in found.description
        assert f"Dice {100 * row['dice']:.1f} %" in found.description
    newest = client.get_model_version_by_alias("smoke", "challenger")
    assert newest.tags["cycle"] == "2"


def test_the_gate_s_decision_is_in_the_ledger_the_report_and_mlflow(smoke: Path) -> None:
    import mlflow

    uri = f"sqlite:///{smoke.parent / 'mlflow' / 'mlflow.db'}"
    client = mlflow.MlflowClient(uri, registry_uri=uri)
    versions = {
        v.tags["cycle"]: v.description for v in client.search_model_versions("name = 'smoke'")
    }
    promotions = {
        e.payload.cycle: e.payload.reasons
        for e in Ledger(open_storage(str(smoke))).events()
        if e.kind == "promotion"
    }
    assert 1 in promotions
    for cycle in (1, 2):
        folder = smoke / "cycles" / str(cycle)
        report = json.loads((folder / "report.json").read_text())
        # The schema in docs/reference is the model's: a written report holds its keys and no other.
        assert CycleReport.model_validate(report).model_dump(mode="json") == report
        assert report["reasons"]
        assert report["promoted"] is (cycle in promotions)
        if report["promoted"]:
            assert promotions[cycle] == report["reasons"]
        page = html.unescape((folder / "report.html").read_text())
        for reason in report["reasons"]:
            assert reason in page
            assert reason in versions[str(cycle)]
    (run,) = client.search_runs(
        [client.get_experiment_by_name("streetloop").experiment_id], "tags.cycle = '2'"
    )
    assert run.data.tags["promoted"] == str(2 in promotions).lower()


def test_rollback_repairs_the_alias_at_once(smoke: Path, tmp_path: Path) -> None:
    import mlflow

    root = tmp_path / "smoke"
    shutil.copytree(smoke, root)
    shutil.copytree(smoke.parent / "mlflow", tmp_path / "mlflow")
    uri = f"sqlite:///{tmp_path / 'mlflow' / 'mlflow.db'}"
    client = mlflow.MlflowClient(uri, registry_uri=uri)
    ledger = Ledger(open_storage(str(root)))
    models = {v.tags["cycle"]: v for v in client.search_model_versions("name = 'smoke'")}
    second = models["2"].tags["streetloop.model"]
    lease = open_cycle(ledger, "by hand", 60)
    row = {"cycle": 3, "model": second, "metrics": {}, "reasons": ["for this test"]}
    ledger.commit("promotion", "promote/3", row, fence=lease.fence)
    close_cycle(ledger, 3, lease.fence, "nothing_to_do", None, {})
    client.set_registered_model_alias("smoke", "champion", models["2"].version)
    done = streetloop("ledger", "rollback", SMOKE, "--root", str(root), cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    champion = ledger.state().champion
    assert champion is not None
    assert champion.model == models["1"].tags["streetloop.model"]
    found = client.get_model_version_by_alias("smoke", "champion")
    assert found.version == models["1"].version
    assert "next cycle" not in done.stdout


def test_predict_writes_label_ids_at_each_image_s_own_size(smoke: Path, tmp_path: Path) -> None:
    images = tmp_path / "images"
    images.mkdir()
    rng = np.random.default_rng(0)
    first, second = "aachen_000000_000019", "aachen_000001_000019"
    sizes = {f"{first}_leftImg8bit.png": (60, 90), f"{second}.jpg": (33, 47)}
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
    for name, size in ((first, (60, 90)), (second, (33, 47))):
        mask = cv2.imread(str(tmp_path / "out" / f"{name}_labelIds.png"), cv2.IMREAD_UNCHANGED)
        assert mask.shape == size
        assert set(np.unique(mask).tolist()) <= allowed
        assert cv2.imread(str(tmp_path / "seen" / f"{name}_overlay.png")).shape[:2] == size
    names = zipfile.ZipFile(tmp_path / "all.zip").namelist()
    assert names == [f"{first}_labelIds.png", f"{second}_labelIds.png"]
    assert "will reject this zip" in done.stderr


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
