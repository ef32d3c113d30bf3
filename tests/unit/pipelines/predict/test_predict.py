"""How `predict` shows images to a model: as the model's own recipe says, unless told otherwise."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from components.contracts.process.errors import StreetloopError, UsageError
from components.contracts.recipe.inference import InferenceSettings
from pipelines.predict.model import as_trained, seen_size
from pipelines.predict.run import inference_changes

SHOWN = {"flip": True, "scales": [0.75, 1.0], "window": None, "overlap": 0.33}


def test_a_stored_model_says_how_it_was_trained(tmp_path: Path) -> None:
    recipe = {"data": {"size": [64, 96]}, "inference": SHOWN}
    known = {"model_id": "0" * 64, "label_table": "", "ledger_version": 0, "files": {}}
    (tmp_path / "model.json").write_text(json.dumps(known | {"recipe": recipe}))
    size, inference = as_trained(tmp_path / "generator.keras")
    assert size == (64, 96)
    assert inference == InferenceSettings(flip=True, scales=(0.75, 1.0))


@pytest.mark.parametrize("text", ["{", "{}", "[1]"])
def test_a_damaged_description_is_one_error(tmp_path: Path, text: str) -> None:
    (tmp_path / "model.json").write_text(text)
    with pytest.raises(StreetloopError, match=r"model\.json is malformed"):
        as_trained(tmp_path / "generator.keras")


def test_a_registered_model_says_so_in_its_metadata(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "MLmodel").write_text(
        json.dumps({"metadata": {"size": None, "inference": {"window": [64, 64]}}})
    )
    size, inference = as_trained(tmp_path / "data" / "model.keras")
    assert size is None
    assert inference == InferenceSettings(window=(64, 64))


def test_a_lone_file_is_shown_each_image_as_it_is(tmp_path: Path) -> None:
    assert as_trained(tmp_path / "x.keras") == (None, InferenceSettings())
    assert seen_size((50, 70), None) == (50, 70)


@pytest.mark.parametrize("own", [(360, 480), (128, 160), (100, 143), (114, 125)])
def test_an_image_of_nearly_the_trained_shape_is_squeezed_as_records_are(
    own: tuple[int, int],
) -> None:
    assert seen_size(own, (128, 160)) == (128, 160)


@pytest.mark.parametrize("own", [(360, 640), (480, 360), (100, 145), (116, 125)])
def test_an_image_of_another_shape_keeps_it_at_the_trained_area(own: tuple[int, int]) -> None:
    height, width = seen_size(own, (128, 160))
    assert width / height == pytest.approx(own[1] / own[0], rel=0.01)
    assert height * width == pytest.approx(128 * 160, rel=0.01)


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
