"""How `predict` shows images to a model: as the model's own recipe says, unless told otherwise."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from components.contracts.errors import UsageError
from components.contracts.inference_settings import InferenceSettings
from pipelines.predict import _as_trained, _of_area, inference_changes

SHOWN = {"flip": True, "scales": [0.75, 1.0], "window": None, "overlap": 0.33}


def test_a_stored_model_says_how_it_was_trained(tmp_path: Path) -> None:
    recipe = {"data": {"size": [64, 96]}, "inference": SHOWN}
    (tmp_path / "model.json").write_text(json.dumps({"recipe": recipe}))
    size, inference = _as_trained(tmp_path / "generator.keras")
    assert size == (64, 96)
    assert inference == InferenceSettings(flip=True, scales=(0.75, 1.0))


def test_a_registered_model_says_so_in_its_metadata(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "MLmodel").write_text(
        json.dumps({"metadata": {"size": None, "inference": {"window": [64, 64]}}})
    )
    size, inference = _as_trained(tmp_path / "data" / "model.keras")
    assert size is None
    assert inference == InferenceSettings(window=(64, 64))


def test_a_lone_file_is_shown_each_image_as_it_is(tmp_path: Path) -> None:
    assert _as_trained(tmp_path / "x.keras") == (None, InferenceSettings())
    assert _of_area((50, 70), None) == (50, 70)


def test_only_the_options_that_were_given_change_the_models_own() -> None:
    assert inference_changes(None, None, None) == {}
    assert inference_changes(False, "0.5,1", "64x96") == {
        "flip": False,
        "scales": (0.5, 1.0),
        "window": (64, 96),
    }


@pytest.mark.parametrize(
    ("scales", "window"), [("x", None), ("9", None), (None, "8x8"), (None, "9")]
)
def test_options_that_cannot_be_right_are_refused(scales: str | None, window: str | None) -> None:
    with pytest.raises(UsageError, match="--window"):
        inference_changes(None, scales, window)
