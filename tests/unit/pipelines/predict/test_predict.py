"""How `predict` shows images to a model: as in the model's own recipe, unless options change it."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from components.contracts.process.errors import StreetloopError, UsageError
from components.contracts.recipe.inference import InferenceSettings
from pipelines.predict.model import as_trained, model_file, resolved_version
from pipelines.predict.view import View, seen_size

SHOWN = {"flip": True, "scales": [0.75, 1.0], "window": None, "overlap": 0.33}


def test_as_trained_reads_model_json(tmp_path: Path) -> None:
    recipe = {"data": {"size": [64, 96]}, "inference": SHOWN}
    known = {"model_id": "0" * 64, "label_table": "", "ledger_version": 0, "files": {}}
    (tmp_path / "model.json").write_text(json.dumps(known | {"recipe": recipe}))
    size, inference = as_trained(tmp_path / "generator.keras")
    assert size == (64, 96)
    assert inference == InferenceSettings(flip=True, scales=(0.75, 1.0))


def test_as_trained_knows_no_size_of_native_images(tmp_path: Path) -> None:
    recipe = {"data": {"size": "native"}}
    known = {"model_id": "0" * 64, "label_table": "", "ledger_version": 0, "files": {}}
    (tmp_path / "model.json").write_text(json.dumps(known | {"recipe": recipe}))
    assert as_trained(tmp_path / "generator.keras") == (None, InferenceSettings())


@pytest.mark.parametrize("text", ["{", "{}", "[1]"])
def test_as_trained_rejects_a_damaged_model_json(tmp_path: Path, text: str) -> None:
    (tmp_path / "model.json").write_text(text)
    with pytest.raises(StreetloopError, match=r"model\.json is malformed"):
        as_trained(tmp_path / "generator.keras")


def test_as_trained_reads_the_metadata_of_a_registered_model(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "MLmodel").write_text(
        json.dumps({"metadata": {"size": None, "inference": {"window": [64, 64]}}})
    )
    size, inference = as_trained(tmp_path / "data" / "model.keras")
    assert size is None
    assert inference == InferenceSettings(window=(64, 64))


def test_a_file_without_a_description_gets_the_defaults(tmp_path: Path) -> None:
    assert as_trained(tmp_path / "x.keras") == (None, InferenceSettings())
    assert seen_size((50, 70), None) == (50, 70)


@pytest.mark.parametrize("own", [(360, 480), (128, 160), (100, 143), (114, 125)])
def test_seen_size_squeezes_an_image_of_nearly_the_trained_shape(
    own: tuple[int, int],
) -> None:
    assert seen_size(own, (128, 160)) == (128, 160)


@pytest.mark.parametrize("own", [(360, 640), (480, 360), (100, 145), (116, 125)])
def test_seen_size_keeps_another_shape_at_the_trained_area(own: tuple[int, int]) -> None:
    height, width = seen_size(own, (128, 160))
    assert width / height == pytest.approx(own[1] / own[0], rel=0.01)
    assert height * width == pytest.approx(128 * 160, rel=0.01)


def test_view_changes_only_what_the_command_line_gives() -> None:
    own = InferenceSettings(flip=True, scales=(0.75, 1.0), overlap=0.5)
    assert View.parse(None, None, None, None).over(own) == own
    assert View.parse("48x80", False, "0.5,1", "64x96") == View(
        (48, 80), False, (0.5, 1.0), (64, 96)
    )
    changed = View.parse(None, False, "0.5,1", "64x96").over(own)
    expected = {"flip": False, "scales": (0.5, 1.0), "window": (64, 96), "overlap": 0.5}
    assert changed.model_dump() == expected


@pytest.mark.parametrize("scales", ["x", "9", "", "1,nan"])
def test_view_rejects_impossible_scales(scales: str) -> None:
    with pytest.raises(
        UsageError, match=r"^Impossible --scales .* Expected numbers from 0\.1 to 4"
    ):
        View.parse(None, None, scales, None)


@pytest.mark.parametrize("size", ["9", "x", "48x", "-48x80", "48x80x3", "٤٨x٨٠", ""])
@pytest.mark.parametrize("option", ["--size", "--window"])
def test_view_rejects_what_is_no_size(option: str, size: str) -> None:
    with pytest.raises(UsageError, match=f"^Not a size: {option} .* Expected HEIGHTxWIDTH"):
        View.parse(*((size, None, None, None) if option == "--size" else (None, None, None, size)))


@pytest.mark.parametrize(
    "size", ["200000x400000", "8193x32", "32x8193", "31x32", "8x8", "0x0", "9" * 5000 + "x32"]
)
@pytest.mark.parametrize("option", ["--size", "--window"])
def test_view_gives_sizes_the_limits_of_a_recipe(option: str, size: str) -> None:
    with pytest.raises(UsageError) as error:
        View.parse(*((size, None, None, None) if option == "--size" else (None, None, None, size)))
    assert str(error.value) == (
        f"Impossible size: {option} {size[:40]}. Expected a height and a width from 32 to 8192 pixels, as "
        "256x512."
    )


def test_view_accepts_the_largest_and_the_smallest_size() -> None:
    assert View.parse("32x8192", None, None, "8192X32") == View((32, 8192), window=(8192, 32))


@pytest.mark.parametrize("look_up", [model_file, resolved_version])
def test_a_registry_that_does_not_answer_is_named_without_its_account(
    look_up: Callable[[str, str], object], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    # Which MLflow sets.
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "")
    monkeypatch.setattr("mlflow.tracking._tracking_service.utils._tracking_uri", None)
    with pytest.raises(StreetloopError) as caught:
        look_up("models:/street@champion", "http://ann:hunter22@127.0.0.1:1")
    assert "127.0.0.1" in str(caught.value)
    assert "hunter22" not in str(caught.value)


@pytest.mark.parametrize("look_up", [model_file, resolved_version])
def test_the_error_of_a_registry_ends_in_one_full_stop(
    look_up: Callable[[str, str], object], monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*anything: object) -> None:
        raise ValueError("Registered model alias nope not found.")

    monkeypatch.setattr("mlflow.artifacts.download_artifacts", fail)
    monkeypatch.setattr("mlflow.MlflowClient.get_model_version_by_alias", fail)
    with pytest.raises(StreetloopError, match=r"nope not found\. `streetloop ui` shows"):
        look_up("models:/street@nope", "http://127.0.0.1:1")
