"""What MLflow's table of runs says about the code and the data."""

from __future__ import annotations

import pytest

from components.contracts.recipe.data import DataSettings, SyntheticSettings
from components.contracts.tracking.data import data_name
from components.contracts.tracking.source import source_tags


@pytest.mark.parametrize(
    ("source", "name"),
    [
        ("/data/camvid", "camvid"),
        ("/data/camvid/", "camvid"),
        ("gs://bucket/cities/lindau", "lindau"),
        ("/data/leftImg8bit_trainvaltest.zip", "leftImg8bit_trainvaltest"),
        ("/", "data"),
        (None, "synthetic"),
    ],
)
def test_a_data_set_is_called_like_its_folder(source: str | None, name: str) -> None:
    synthetic = None if source else SyntheticSettings()
    assert data_name(DataSettings(source=source, synthetic=synthetic)) == name


def test_the_source_is_a_job_in_a_pod(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STREETLOOP_GIT_SHA", "a" * 40)
    monkeypatch.setenv("KUBERNETES_SERVICE_HOST", "10.0.0.1")
    assert source_tags() == {
        "mlflow.source.name": "streetloop",
        "mlflow.source.type": "JOB",
        "mlflow.source.git.commit": "a" * 40,
        "git.sha": "a" * 40,
    }


def test_a_commit_that_is_unknown_is_no_commit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STREETLOOP_GIT_SHA", "unknown")
    monkeypatch.delenv("KUBERNETES_SERVICE_HOST", raising=False)
    tags = source_tags()
    assert "mlflow.source.git.commit" not in tags
    assert (tags["git.sha"], tags["mlflow.source.type"]) == ("unknown", "LOCAL")
