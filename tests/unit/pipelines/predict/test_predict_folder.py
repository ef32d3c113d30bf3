"""`streetloop predict` from end to end, compared with a predictor that is called directly."""

from __future__ import annotations

import errno
import os
import zipfile
from pathlib import Path
from typing import Any

import cv2
import keras
import numpy as np
import pytest
from click.testing import CliRunner, Result

from components.contracts.model.files import load_generator, save_model
from components.contracts.model.predictor import Predictor
from components.contracts.recipe.data import DataSettings, SplitSettings
from components.contracts.recipe.inference import InferenceSettings
from components.preprocess.build import divide, write_records
from pipelines.cli import main
from pipelines.predict.files import submission_doubts
from tfds_cityscapes.labels import TRAIN_LABELS, to_label_ids
from tfds_cityscapes.source import open_source

pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation doesn't accept a copy")

FRAME = "berlin_000000_000019"
TRAINED = (64, 96)
OWN = {"flip": True, "scales": [0.5, 1.0], "window": None, "overlap": 0.33}
IMAGES = {f"{FRAME}_leftImg8bit.png": (60, 96), "berlin_000001_000019.png": (40, 90)}


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model's folder. The network looks far around, so each way of showing an image matters."""
    keras.utils.set_random_seed(1)
    image = keras.Input((None, None, 3))
    layer = keras.layers.Rescaling(1 / 64)(image)
    layer = keras.layers.Conv2D(8, 9, padding="same", activation="relu")(layer)
    network = keras.Model(image, keras.layers.Conv2D(19, 9, padding="same")(layer))
    folder = tmp_path_factory.mktemp("model")
    recipe = {"data": {"size": list(TRAINED)}, "inference": OWN}
    save_model(folder, network, recipe=recipe, ledger_version=0)
    return folder


@pytest.fixture
def images(tmp_path: Path) -> Path:
    folder = tmp_path / "images"
    folder.mkdir()
    rng = np.random.default_rng(0)
    for name, size in IMAGES.items():
        coarse = rng.integers(0, 256, (8, 12, 3), np.uint8)
        cv2.imwrite(str(folder / name), cv2.resize(coarse, size[::-1]))
    return folder


def predict(model: Path, images: Path, output: Path, *more: object) -> Result:
    arguments = ["--model", model, "--images", images, "--output", output, *more]
    return CliRunner().invoke(main, ["predict", *map(str, arguments)])


def read(path: Path) -> np.ndarray:
    found = cv2.imread(str(path), cv2.IMREAD_UNCHANGED)
    assert found is not None
    return found


def direct(model: Path, image: Path, seen: tuple[int, int], **how: Any) -> np.ndarray:
    """The train ids of a predictor that knows nothing of the command."""
    rgb = cv2.imread(str(image))[..., ::-1]
    shrinks = seen[0] < rgb.shape[0]
    how_to = cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR
    shown = rgb if seen == rgb.shape[:2] else cv2.resize(rgb, seen[::-1], interpolation=how_to)
    predictor = Predictor(load_generator(model), InferenceSettings(**how))
    return predictor.probabilities(shown, rgb.shape[:2]).argmax(-1).astype(np.uint8)


OPTIONS: dict[str, tuple[list[str], tuple[int, int], dict[str, Any]]] = {
    "own": ([], TRAINED, OWN),
    "no flip": (["--no-flip"], TRAINED, OWN | {"flip": False}),
    "scales": (["--scales", "0.75,1"], TRAINED, OWN | {"scales": (0.75, 1.0)}),
    "window": (["--window", "32x40"], TRAINED, OWN | {"window": (32, 40)}),
    "size": (["--size", "48x80"], (48, 80), OWN),
    "all": (
        ["--no-flip", "--scales", "1,1.25", "--window", "40x40", "--size", "48x80"],
        (48, 80),
        OWN | {"flip": False, "scales": (1.0, 1.25), "window": (40, 40)},
    ),
}


def test_each_option_reaches_the_predictor(model: Path, images: Path, tmp_path: Path) -> None:
    image = images / f"{FRAME}_leftImg8bit.png"
    expected = []
    for which, (options, seen, how) in OPTIONS.items():
        expected.append(to_label_ids(direct(model, image, seen, **how)))
        done = predict(model, images, tmp_path / which, *options)
        assert done.exit_code == 0, done.output
        found = read(tmp_path / which / f"{FRAME}_labelIds.png")
        np.testing.assert_array_equal(found, expected[-1], which)
    # No option was lost on the way.
    assert len({labels.tobytes() for labels in expected}) == len(OPTIONS)


def test_a_model_file_sees_images_as_its_folder_does(
    model: Path, images: Path, tmp_path: Path
) -> None:
    name = f"{FRAME}_labelIds.png"
    for output, given in (("folder", model), ("file", model / "generator.keras")):
        done = predict(given, images, tmp_path / output)
        assert done.exit_code == 0, done.output
    own = to_label_ids(direct(model, images / f"{FRAME}_leftImg8bit.png", TRAINED, **OWN))
    for output in ("folder", "file"):
        np.testing.assert_array_equal(read(tmp_path / output / name), own)


def test_the_zip_contains_the_label_maps_and_overlays_have_the_benchmark_colours(
    model: Path, images: Path, tmp_path: Path
) -> None:
    archive = tmp_path / "new" / "all.zip"
    done = predict(
        model, images, tmp_path / "out", "--overlays", tmp_path / "seen", "--submission", archive
    )
    assert done.exit_code == 0, done.output
    assert "Wrote 2 label maps" in done.output
    names = [f"{FRAME}_labelIds.png", "berlin_000001_000019_labelIds.png"]
    with zipfile.ZipFile(archive) as packed:
        assert sorted(packed.namelist()) == names
        for name in names:
            assert packed.read(name) == (tmp_path / "out" / name).read_bytes()
    color_of = {row.label_id: row.color for row in TRAIN_LABELS}
    labels = read(tmp_path / "out" / names[0])
    image = read(images / f"{FRAME}_leftImg8bit.png")
    overlay = read(tmp_path / "seen" / f"{FRAME}_overlay.png")
    assert len(np.unique(labels)) > 2
    for label_id in np.unique(labels):
        row, column = np.argwhere(labels == label_id)[0]
        mixed = (image[row, column].astype(float) + color_of[int(label_id)][::-1]) / 2
        np.testing.assert_allclose(overlay[row, column], mixed, atol=1)


def test_predict_warns_of_a_zip_that_the_server_will_reject(
    model: Path, images: Path, tmp_path: Path
) -> None:
    done = predict(model, images, tmp_path / "out", "--submission", tmp_path / "all.zip")
    assert "it has 2 label maps, 2 of another size. Expected 1525 label maps" in done.stderr
    assert "of 1024x2048 pixels" in done.stderr
    assert submission_doubts([(1024, 2048)] * 1525) is None
    (images / "photo.png").write_bytes((images / f"{FRAME}_leftImg8bit.png").read_bytes())
    refused = predict(model, images, tmp_path / "other", "--submission", tmp_path / "all.zip")
    assert refused.exit_code == 2
    assert "photo (of 1) is not named" in refused.stderr
    assert not (tmp_path / "other").exists()


def test_the_next_run_does_not_read_results_below_the_images(model: Path, images: Path) -> None:
    more = ["--overlays", images / "seen"]
    for _ in range(2):
        done = predict(model, images, images / "out", *more)
        assert done.exit_code == 0, done.output
        assert "Wrote 2 label maps" in done.output
    assert len(list(images.rglob("*.png"))) == 6
    refused = predict(model, images, images)
    assert refused.exit_code == 2
    assert "cannot go to the folder of the images" in refused.stderr


def test_images_below_the_results_are_read(model: Path, images: Path, tmp_path: Path) -> None:
    done = predict(model, images, tmp_path)
    assert done.exit_code == 0, done.output
    assert (tmp_path / f"{FRAME}_labelIds.png").is_file()


@pytest.mark.parametrize("ending", ["_labelIds.png", "_overlay.png", ".zip"])
def test_a_full_disk_is_reported_and_leaves_no_partial_file(
    model: Path, images: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, ending: str
) -> None:
    replace = os.replace

    def full(part: Path, path: Path) -> None:
        if path.name.endswith(ending):
            raise OSError(errno.ENOSPC, "No space left on device")
        replace(part, path)

    monkeypatch.setattr("components.contracts.process.files.os.replace", full)
    out = tmp_path / "out"
    done = predict(model, images, out, "--overlays", out, "--submission", out / "all.zip")
    assert done.exit_code == 1
    assert "No space left on device. Make room" in done.stderr
    assert not list(out.glob(f"*{ending}"))
    assert not list(out.glob(".*"))


@pytest.mark.parametrize("option", ["--output", "--overlays", "--submission"])
def test_an_impossible_place_is_reported_before_anything_is_predicted(
    model: Path, images: Path, tmp_path: Path, option: str
) -> None:
    (tmp_path / "file").write_text("")
    place = tmp_path / "file" / "x"
    done = predict(model, images, tmp_path / "out", option, place)
    assert done.exit_code == 1
    assert "Cannot make the folder" in done.stderr
    assert not list((tmp_path / "out").glob("*.png"))


def test_a_folder_that_is_not_a_model_is_reported(images: Path, tmp_path: Path) -> None:
    done = predict(images, images, tmp_path / "out")
    assert done.exit_code == 1
    assert "No model in" in done.stderr


def test_the_network_sees_a_photo_as_its_record(model: Path, images: Path, tmp_path: Path) -> None:
    """What `evaluate` scores is what `predict` writes, also where the record was squeezed."""
    folder = tmp_path / "data" / "leftImg8bit" / "train" / "berlin"
    folder.mkdir(parents=True)
    (tmp_path / "data" / "gtFine").mkdir()
    name = f"{FRAME}_leftImg8bit.png"
    (folder / name).write_bytes((images / name).read_bytes())
    source = open_source(tmp_path / "data")
    division = divide(source, DataSettings(size=TRAINED), SplitSettings(), seed=0)
    record = write_records(division, tmp_path / "records").records.read(FRAME)
    predictor = Predictor(load_generator(model), InferenceSettings(**OWN))
    expected = predictor.probabilities(record.image, IMAGES[name]).argmax(-1).astype(np.uint8)
    assert predict(model, folder, tmp_path / "out").exit_code == 0
    found = read(tmp_path / "out" / f"{FRAME}_labelIds.png")
    np.testing.assert_array_equal(found, to_label_ids(expected))


def test_one_unreadable_photo_does_not_stop_the_others(
    model: Path, images: Path, tmp_path: Path
) -> None:
    photo = cv2.imread(str(images / f"{FRAME}_leftImg8bit.png"))
    whole = cv2.imencode(".jpg", photo)[1].tobytes()
    (images / "cut.jpg").write_bytes(whole[: len(whole) // 2])
    (images / "a note.jpg").write_text("hello")
    done = predict(model, images, tmp_path / "out")
    assert done.exit_code == 1
    assert "Wrote 2 label maps" in done.output
    assert "2 of 4 images could not be read:" in done.stderr
    assert "cut.jpg cannot be decoded: it is cut off or damaged" in done.stderr
    assert "a note.jpg cannot be decoded: it is not an image" in done.stderr
    assert len(list((tmp_path / "out").iterdir())) == 2


def test_other_formats_are_predicted_and_what_is_not_read_is_reported(
    model: Path, images: Path, tmp_path: Path
) -> None:
    photo = cv2.imread(str(images / f"{FRAME}_leftImg8bit.png"))
    for name in ("w.WEBP", "b.bmp", "t.tif", "sub/j.JPEG"):
        (images / name).parent.mkdir(exist_ok=True)
        ending = Path(name).suffix.lower()
        (images / name).write_bytes(cv2.imencode(ending, photo)[1].tobytes())
    for name in ("phone.HEIC", "notes.txt", "x_gtFine_labelIds.png", "._b.bmp", "Thumbs.db"):
        (images / name).write_bytes(b"x")
    linked = tmp_path / "linked"
    linked.symlink_to(images)
    done = predict(model, linked, tmp_path / "out")
    assert done.exit_code == 0, done.output
    assert "Wrote 6 label maps" in done.output
    assert "phone.HEIC was not read: HEIC is not supported" in done.stderr
    assert "notes.txt was not read: it is not a PNG" in done.stderr
    assert "x_gtFine_labelIds.png was not read: it is named as a label map" in done.stderr
    assert "._b.bmp" not in done.stderr


def test_a_zip_of_photos_is_predicted(model: Path, images: Path, tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "photos.zip", "w") as archive:
        for path in images.iterdir():
            archive.write(path, f"photos\\{path.name}")
        archive.writestr("__MACOSX/photos/._x.png", b"x")
    assert predict(model, images, tmp_path / "out").exit_code == 0
    done = predict(model, tmp_path / "photos.zip", tmp_path / "zipped")
    assert done.exit_code == 0, done.output
    for path in (tmp_path / "out").iterdir():
        np.testing.assert_array_equal(read(path), read(tmp_path / "zipped" / path.name))


def test_a_file_that_holds_no_photos_is_rejected(model: Path, images: Path, tmp_path: Path) -> None:
    one = predict(model, images / f"{FRAME}_leftImg8bit.png", tmp_path / "out")
    assert one.exit_code == 2
    assert "Pass the folder that holds it" in one.stderr
    (tmp_path / "empty").mkdir()
    (tmp_path / "empty" / "a.heic").write_bytes(b"x")
    none = predict(model, tmp_path / "empty", tmp_path / "out")
    assert none.exit_code == 1
    assert "a.heic was not read: HEIC is not supported" in none.stderr


def test_photos_whose_results_would_have_one_name_are_all_named(
    model: Path, images: Path, tmp_path: Path
) -> None:
    for name in ("x.png", "x.webp", "sub/x_leftImg8bit.tif"):
        (images / name).parent.mkdir(exist_ok=True)
        (images / name).write_bytes(b"x")
    done = predict(model, images, tmp_path / "out")
    assert done.exit_code == 1
    assert "sub/x_leftImg8bit.tif and x.png and x.webp would all become x_labelIds" in done.stderr
    assert "1 name occurs more than once" in done.stderr
    assert not (tmp_path / "out").exists()
