"""What the functions for Python reject, and what they leave as they found it."""

from __future__ import annotations

import os
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import streetloop
from pipelines.local import campaign
from streetloop.figures import keeping_figures

CAMPAIGNS = Path(__file__).parents[2] / "fixtures" / "campaigns"
RECIPE = CAMPAIGNS / "recipe.yaml"
MODEL = next((CAMPAIGNS / "v0.1" / "models").iterdir())


def test_status_without_a_campaign_says_how_to_start_one(tmp_path: Path) -> None:
    with pytest.raises(streetloop.StreetloopError, match="No campaign in"):
        streetloop.status(RECIPE, root=tmp_path)


def test_settings_change_the_recipe(tmp_path: Path) -> None:
    found = streetloop.status(
        str(RECIPE), root=CAMPAIGNS / "v0.1", settings={"cycle.cycles": 5, "name": "other"}
    )
    assert (found.name, found.complete) == ("other", False)


def test_a_run_prints_the_arguments_that_lead_to_its_root(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hints: list[str] = []
    monkeypatch.setattr(campaign, "run_campaign", lambda recipe, root, where: hints.append(where))
    streetloop.run(RECIPE, root=tmp_path / "here", settings={"query.query_size": 4})
    assert hints == [f"{RECIPE} --root {tmp_path / 'here'}"]


def test_an_unknown_setting_is_rejected() -> None:
    with pytest.raises(streetloop.UsageError, match=r"query\.query_sise"):
        streetloop.status(RECIPE, settings={"query.query_sise": 4})


@pytest.mark.parametrize(
    "image",
    [np.zeros((8, 8, 3), np.float32), np.zeros((8, 8), np.uint8), np.zeros((0, 8, 3), np.uint8)],
    ids=["float", "gray", "empty"],
)
def test_predict_rejects_an_array_that_is_no_image(image: np.ndarray) -> None:
    with pytest.raises(streetloop.UsageError, match=r"Image 0 is .*Expected uint8 \[H, W, 3\]"):
        list(streetloop.predict(MODEL, [image]))


def test_predict_takes_one_array() -> None:
    (found,) = streetloop.predict(MODEL, np.zeros((40, 50, 3), np.uint8))
    assert (found.name, found.label_ids.shape, found.label_ids.dtype) == ("0", (40, 50), np.uint8)


def test_predict_leaves_a_broken_photo_out_with_a_warning(tmp_path: Path) -> None:
    import cv2

    cv2.imwrite(str(tmp_path / "good.png"), np.zeros((40, 50, 3), np.uint8))
    (tmp_path / "bad.png").write_bytes(b"\x89PNG\r\n\x1a\nbroken")
    with warnings.catch_warnings(record=True) as found:
        warnings.simplefilter("always")
        names = [photo.name for photo in streetloop.predict(MODEL, tmp_path)]
    assert names == ["good"]
    assert any("bad.png" in str(w.message) and "left out" in str(w.message) for w in found)


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        ({"strategies": ["entropie"]}, "Unknown strategy 'entropie'"),
        ({"budgets": [0, 4]}, "budgets of at least one label"),
        ({"seeds": []}, "at least one seed"),
        ({"steps": 0}, "steps is 0"),
        ({"split": "test"}, "split is 'test'"),
    ],
    ids=["strategy", "budget", "seed", "steps", "split"],
)
def test_simulate_rejects_an_impossible_design(arguments: dict[str, Any], problem: str) -> None:
    with pytest.raises(streetloop.UsageError, match=problem):
        streetloop.simulate(RECIPE, **arguments)


def test_the_figures_of_a_notebook_stay_in_its_cells(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MPLBACKEND", "svg")

    @keeping_figures
    def step() -> None:
        os.environ["MPLBACKEND"] = "agg"

    step()
    assert os.environ["MPLBACKEND"] == "svg"
