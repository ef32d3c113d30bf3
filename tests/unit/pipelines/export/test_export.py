"""Exports label real images as Keras does; one that does not is refused."""

from __future__ import annotations

import json
import shutil
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from components.contracts.data.records import Records, spread
from components.contracts.model.files import load_generator
from components.contracts.process.errors import StreetloopError, UsageError
from components.contracts.recipe.inference import InferenceSettings
from components.contracts.recipe.recipe import load
from pipelines.export.check import check, compare
from pipelines.export.formats import FORMATS, Source
from pipelines.export.graph import Answer
from pipelines.export.images import calibration_images, check_images
from pipelines.export.run import Wanted, export_champion, export_one
from pipelines.predict.photo import PhotoPredictor
from pipelines.predict.view import View
from tests.support.waiting import finished
from tfds_cityscapes.labels import to_label_ids
from tfds_cityscapes.png import fit_image

pytestmark = [
    pytest.mark.filterwarnings("ignore:__array__ implementation doesn't accept a copy"),
    pytest.mark.filterwarnings("ignore:.*Any type hint is inferred as AnyType:UserWarning"),
]
CAMPAIGNS = Path(__file__).parents[3] / "fixtures" / "campaigns"
MODEL = sorted((CAMPAIGNS / "v0.1" / "models").iterdir())[0]
RECORDS = next((CAMPAIGNS / "v0.1" / "records").iterdir())
SIZE = (32, 32)  # of the images that it was trained on


@pytest.fixture(scope="module")
def keras_model() -> PhotoPredictor:
    return PhotoPredictor(MODEL / "generator.keras", View(), InferenceSettings())


@pytest.fixture(scope="module")
def source() -> Source:
    records = Records(RECORDS)
    return Source(load_generator(MODEL), SIZE, SIZE, lambda: calibration_images(records, SIZE, 8))


@pytest.mark.parametrize("size", [(32, 32), (64, 64), (64, 70), (45, 90), (20, 20), (90, 33)])
def test_a_saved_model_sees_a_photo_of_any_size_as_predict_does(
    source: Source,
    keras_model: PhotoPredictor,
    tmp_path_factory: pytest.TempPathFactory,
    size: tuple[int, int],
) -> None:
    path = tmp_path_factory.getbasetemp() / "saved_model"
    form = FORMATS["saved_model"]
    if not path.exists():
        form.write(source, path)
    photos = [fit_image(Records(RECORDS).read(i).image, size) for i in Records(RECORDS).ids("val")]
    agreement, count, _ = compare(form.run(path), keras_model.train_ids, photos)
    assert count == len(photos)
    # This model has hardly learned anything: a pixel that is rounded otherwise changes its mind.
    assert agreement >= 0.98


@pytest.mark.parametrize(("name", "least"), [("float16", 0.995), ("int8", 0.85)])
def test_tflite_answers_nearly_as_keras(
    source: Source, keras_model: PhotoPredictor, tmp_path: Path, name: str, least: float
) -> None:
    form = FORMATS[name]
    path = tmp_path / form.file
    form.write(source, path)
    images = check_images(Records(RECORDS), SIZE, 4)
    result = check(name, form, path, keras_model.train_ids_as_seen, images)
    assert result.agreement >= least
    assert result.bytes == path.stat().st_size
    assert result.accepted == (result.agreement >= form.least)


def test_onnx_answers_as_keras(source: Source, keras_model: PhotoPredictor, tmp_path: Path) -> None:
    pytest.importorskip("onnxruntime")
    pytest.importorskip("tf2onnx")
    form = FORMATS["onnx"]
    form.write(source, tmp_path / form.file)
    images = check_images(Records(RECORDS), SIZE, 4)
    result = check("onnx", form, tmp_path / form.file, keras_model.train_ids_as_seen, images)
    assert result.accepted


@pytest.mark.parametrize("height", [33, 40])
def test_a_fixed_size_need_not_fit_the_stride_of_the_network(
    source: Source, keras_model: PhotoPredictor, tmp_path: Path, height: int
) -> None:
    size = (height, 48)
    form = FORMATS["float16"]
    other = Source(source.generator, SIZE, size, source.calibration)
    form.write(other, tmp_path / form.file)
    images = check_images(Records(RECORDS), size, 2)
    result = check("float16", form, tmp_path / form.file, keras_model.train_ids_as_seen, images)
    assert result.agreement >= 0.99


def test_compare_counts_pixels() -> None:
    image = np.zeros((2, 4, 3), np.uint8)
    train_ids = np.zeros((2, 4), np.uint8)
    answered = to_label_ids(train_ids)
    answered[0, 0] = 33
    answer = Answer(answered, np.zeros((2, 4, 19), np.float32))
    agreement, count, _ = compare(lambda _: answer, lambda _: train_ids, [image, image])
    assert (agreement, count) == (7 / 8, 2)


def test_spread_covers_the_ids_evenly() -> None:
    assert spread(list("abcdefgh"), 4) == ["a", "c", "e", "g"]
    assert spread(list("ab"), 4) == ["a", "b"]


def test_a_format_that_differs_from_keras_is_refused(
    source: Source, keras_model: PhotoPredictor, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Of this model, int8 gives 94 % of the pixels the same class."""
    result = export_one("int8", source, keras_model, Records(RECORDS), tmp_path, 4)
    assert not result.accepted
    assert capsys.readouterr().out.strip().endswith("REFUSED")
    assert not any(tmp_path.iterdir())


def export(root: Path, output: Path) -> None:
    recipe = load(CAMPAIGNS / "recipe.yaml", [f"tracking.uri=sqlite:///{root.parent}/mlflow.db"])
    export_champion(recipe, str(root), output, Wanted(["saved_model"], None, 2, "CC BY 4.0"))


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return shutil.copytree(CAMPAIGNS / "v0.1", tmp_path_factory.mktemp("export") / "campaign")


@pytest.fixture(scope="module")
def exported(root: Path) -> Path:
    export(root, root.parent / "out")
    return root.parent / "out"


def test_an_export_has_the_model_its_card_and_an_mlflow_model(exported: Path, root: Path) -> None:
    names = ["README.md", "export.json", "mlflow_model", "saved_model"]
    assert sorted(path.name for path in exported.iterdir()) == names
    (row,) = json.loads((exported / "export.json").read_text())
    assert (row["format"], row["images"]) == ("saved_model", 2)
    assert row["agreement"] >= 0.999
    export(root, exported)  # again, over what is there
    assert sorted(path.name for path in exported.iterdir()) == names


def test_a_refused_format_ends_the_export_with_an_error(
    root: Path, exported: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(FORMATS, "saved_model", replace(FORMATS["saved_model"], least=1.1))
    with pytest.raises(StreetloopError, match=r"another class than from Keras: saved_model\."):
        export(root, root.parent / "refused")
    names = [path.name for path in (root.parent / "refused").iterdir()]
    assert sorted(names) == ["README.md", "export.json"]


def test_nothing_of_an_earlier_export_is_left(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They may be of another champion, and the new card does not name them."""
    output = tmp_path / "out"
    for name in ("saved_model/saved_model.pb", "saved_model.part/x", "mlflow_model/MLmodel"):
        (output / name).parent.mkdir(parents=True)
        (output / name).write_text("old")
    for name in ("export.json", "model.onnx", "model_int8.tflite", "model_float16.tflite.part"):
        (output / name).write_text("old")
    kept = output / "mine.txt"
    kept.write_text("mine")
    monkeypatch.setitem(FORMATS, "saved_model", replace(FORMATS["saved_model"], least=1.1))
    with pytest.raises(StreetloopError, match="Not exported"):
        export(root, output)
    assert sorted(path.name for path in output.iterdir()) == [
        "README.md",
        "export.json",
        "mine.txt",
    ]


def test_the_card_names_model_scores_and_licence(exported: Path) -> None:
    card = (exported / "README.md").read_text()
    assert "- Licence: CC BY 4.0" in card
    assert "| saved_model | `saved_model` |" in card
    assert "Trained on 4 images of generated streets, labeled by a simulated annotator." in card
    report = json.loads((CAMPAIGNS / "v0.1" / "cycles" / "2" / "report.json").read_text())
    assert f"| mean | {100 * report['val']['miou']:.1f} |" in card


def test_mlflow_loads_the_model_without_this_project(exported: Path, tmp_path: Path) -> None:
    code = """
import sys, mlflow, numpy as np
model = mlflow.pyfunc.load_model(sys.argv[1])
found = model.predict(np.zeros((2, 40, 50, 3), np.uint8))
assert list(found) == ["label_ids"] and found["label_ids"].shape == (2, 40, 50), found
found = model.predict(np.zeros((1, 40, 50, 3), np.uint8), params={"probabilities": True})
assert found["probabilities"].shape == (1, 40, 50, 19)
print([name for name in ("pipelines", "components") if name in sys.modules])
"""
    done = finished([sys.executable, "-c", code, str(exported / "mlflow_model")], cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1] == "[]"


def test_a_folder_with_something_else_is_left_alone(root: Path, tmp_path: Path) -> None:
    kept = tmp_path / "thesis.txt"
    kept.write_text("mine")
    with pytest.raises(UsageError, match="holds something else than an export"):
        export(root, tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.txt"]
