import functools
import json
import os
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest

from tfds_cityscapes.labels import BY_NAME, CLASS_NAMES, LABELS, to_train_ids
from tfds_cityscapes.synthetic import SyntheticError, generate
from tfds_cityscapes.synthetic.__main__ import main
from tfds_cityscapes.synthetic.cities import CITIES
from tfds_cityscapes.synthetic.layout import place_of, render

KINDS = ("labelIds.png", "instanceIds.png", "polygons.json")


def files_of(folder: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("synthetic") / "data"
    generate(folder, seed=5, images=7, size=(64, 128), val=4, test=2)
    return folder


def read(path: Path | str) -> np.ndarray:
    pixels = cv2.imread(str(path), cv2.IMREAD_UNCHANGED)
    assert pixels is not None, path
    return pixels


def rasterise(polygons: dict) -> tuple[np.ndarray, np.ndarray]:
    """Paint a polygons file as the benchmark does: in order, instances counted per class."""
    instances = np.zeros((polygons["imgHeight"], polygons["imgWidth"]), np.uint16)
    counts: dict[str, int] = {}
    for item in polygons["objects"]:
        group = item["label"].endswith("group")
        label = BY_NAME[item["label"].removesuffix("group")]
        value = label.label_id
        if label.has_instances and not group:
            number = counts.get(label.name, 0)
            counts[label.name] = number + 1
            value = 1000 * label.label_id + number
        cv2.fillPoly(instances, [np.array(item["polygon"], np.int32)], value)
    return np.where(instances >= 1000, instances // 1000, instances), instances


def test_every_image_has_three_label_files_of_its_size(data: Path) -> None:
    images = sorted((data / "leftImg8bit").rglob("*.png"))
    assert [sum(path.parts[-3] == split for path in images) for split in CITIES] == [7, 4, 2]
    for path in images:
        split, city, name = path.parts[-3:]
        stem = name.removesuffix("_leftImg8bit.png")
        assert city in CITIES[split]
        parts = stem.split("_")
        assert parts[0] == city
        assert [len(part) for part in parts[1:]] == [6, 6]
        folder = data / "gtFine" / split / city
        for kind in KINDS:
            assert (folder / f"{stem}_gtFine_{kind}").is_file()
        image = read(path)
        labels = read(folder / f"{stem}_gtFine_labelIds.png")
        assert image.shape == (64, 128, 3)
        assert image.dtype == np.uint8
        assert labels.shape == (64, 128)
        assert labels.dtype == np.uint8
        assert set(np.unique(labels).tolist()) <= {row.label_id for row in LABELS}
    assert len(list((data / "gtFine").rglob("*.*"))) == 3 * len(images)


def test_polygons_painted_in_order_give_the_label_and_instance_images(data: Path) -> None:
    found = sorted((data / "gtFine").rglob("*_polygons.json"))
    assert len(found) == 13
    instances_seen = 0
    for path in found:
        labels, instances = rasterise(json.loads(path.read_text()))
        stem = str(path).removesuffix("polygons.json")
        label_ids = read(f"{stem}labelIds.png")
        instance_ids = read(f"{stem}instanceIds.png")
        assert instance_ids.dtype == np.uint16
        np.testing.assert_array_equal(label_ids, labels)
        np.testing.assert_array_equal(instance_ids, instances)
        instances_seen += int((np.unique(instance_ids) >= 1000).sum())
    assert instances_seen > 20


def test_polygons_are_inside_the_picture_and_have_corners(data: Path) -> None:
    for path in (data / "gtFine").rglob("*_polygons.json"):
        for item in json.loads(path.read_text())["objects"]:
            corners = np.array(item["polygon"])
            assert len(corners) >= 3
            assert corners.min() >= 0
            assert corners[:, 0].max() <= 127
            assert corners[:, 1].max() <= 63


def test_benchmark_rasterises_the_polygons_to_nearly_the_same_labels(data: Path) -> None:
    convert = pytest.importorskip("cityscapesscripts.preparation.json2labelImg")
    annotation = pytest.importorskip("cityscapesscripts.helpers.annotation").Annotation
    for path in sorted((data / "gtFine").rglob("*_polygons.json"))[:4]:
        polygons = annotation()
        polygons.fromJsonFile(str(path))
        theirs = np.array(convert.createLabelImage(polygons, "ids"))
        ours = read(str(path).replace("polygons.json", "labelIds.png"))
        assert (theirs == ours).mean() > 0.97  # pixels on an edge follow another rule


def test_generate_gives_the_same_bytes_for_the_same_seed_in_another_process(
    data: Path, tmp_path: Path
) -> None:
    again = tmp_path / "again"
    command = [sys.executable, "-m", "tfds_cityscapes.synthetic", "--output", str(again)]
    options = ["--seed=5", "--images=7", "--size=64x128", "--val=4", "--test=2"]
    root = Path(__file__).parents[3]
    env = {**os.environ, "PYTHONPATH": str(root), "PYTHONHASHSEED": "77"}
    done = subprocess.run([*command, *options], capture_output=True, text=True, env=env)
    assert done.returncode == 0, done.stderr
    assert files_of(again) == files_of(data)


def test_generate_gives_other_images_for_another_seed(data: Path, tmp_path: Path) -> None:
    generate(tmp_path / "other", seed=6, images=1, size=(64, 128), val=0)
    name = "_000000_000019_leftImg8bit.png"
    city = CITIES["train"][0]
    ours = (tmp_path / "other/leftImg8bit/train" / city / f"{city}{name}").read_bytes()
    assert ours != (data / "leftImg8bit/train" / city / f"{city}{name}").read_bytes()


def test_image_does_not_depend_on_the_number_of_images(data: Path, tmp_path: Path) -> None:
    generate(tmp_path / "few", seed=5, images=2, size=(64, 128), val=1)
    many = files_of(data)
    few = files_of(tmp_path / "few")
    del few["synthetic.json"]
    assert len(few) == 3 * 4
    assert all(many[name] == content for name, content in few.items())


def test_image_rendered_alone_equals_the_one_in_its_sequence() -> None:
    in_order = [frame for _, frame in render(9, "train", 0, 3, (64, 96))]
    ((_, alone),) = render(9, "train", 2, 3, (64, 96))
    np.testing.assert_array_equal(alone.image, in_order[2].image)
    np.testing.assert_array_equal(alone.instance_ids, in_order[2].instance_ids)


def test_frames_of_a_sequence_look_more_alike_than_other_streets() -> None:
    labels = [frame.label_ids for _, frame in render(2, "train", 0, 24, (64, 128))]
    places = [place_of("train", index) for index in range(24)]

    def agreement(same: bool) -> float:
        return float(
            np.mean([
                (labels[a] == labels[b]).mean()
                for a in range(24)
                for b in range(a)
                if (places[a].sequence == places[b].sequence) is same
            ])
        )  # fmt: skip

    assert agreement(True) > agreement(False) + 0.05


def test_hundred_images_show_all_classes_and_rare_ones_rarely() -> None:
    pixels = np.zeros(256, np.int64)
    images = np.zeros(256, np.int64)
    for _, frame in render(1, "train", 0, 100, (64, 128)):
        counts = np.bincount(to_train_ids(frame.label_ids).ravel(), minlength=256)
        pixels += counts
        images += counts > 0
    share = dict(zip(CLASS_NAMES, pixels[:19] / pixels.sum(), strict=True))
    missing = [name for name, part in share.items() if part == 0]
    assert not missing
    assert share["road"] + share["building"] + share["vegetation"] > 0.5
    for name in ("train", "bus", "truck", "motorcycle", "rider", "wall", "traffic light"):
        assert share[name] < 0.03, name
        assert images[CLASS_NAMES.index(name)] >= 3, name
    assert 0 < pixels[255] / pixels.sum() < 0.15


def test_splits_have_no_city_name_in_common() -> None:
    names = [name for cities in CITIES.values() for name in cities]
    assert len(names) == len(set(names))
    assert all(name.isalpha() and name.islower() for name in names)


@pytest.mark.parametrize("size", [(64, 64), (96, 128), (128, 64), (65, 131), (64, 300)])
def test_render_accepts_any_size(size: tuple[int, int]) -> None:
    for split in CITIES:
        ((_, frame),) = render(4, split, 0, 1, size)
        assert frame.image.shape == (*size, 3)
        assert frame.label_ids.shape == size
        assert len(np.unique(to_train_ids(frame.label_ids))) > 5


def test_progress_counts_every_image_once(tmp_path: Path) -> None:
    calls: list[tuple[int, int]] = []
    generate(
        tmp_path, seed=0, images=2, size=(64, 64), val=1,
        progress=lambda done, total: calls.append((done, total)),
    )  # fmt: skip
    assert calls == [(1, 3), (2, 3), (3, 3)]


def test_val_defaults_to_a_quarter_of_the_images_but_at_least_four(tmp_path: Path) -> None:
    generate(tmp_path, seed=0, images=1, size=(64, 64))
    assert len(list((tmp_path / "leftImg8bit/val").rglob("*.png"))) == 4
    assert not (tmp_path / "leftImg8bit/test").exists()


def test_generate_keeps_a_complete_data_set_and_completes_an_interrupted_one(
    tmp_path: Path,
) -> None:
    make = functools.partial(generate, tmp_path, seed=0, images=2, size=(64, 64), val=1)

    class StoppedError(Exception):
        pass

    def stop(done: int, total: int) -> None:
        raise StoppedError

    with pytest.raises(StoppedError):
        make(progress=stop)
    assert len(list(tmp_path.rglob("*_leftImg8bit.png"))) == 1
    make()
    first = files_of(tmp_path)
    assert len(list(tmp_path.rglob("*_leftImg8bit.png"))) == 3
    make(progress=stop)
    assert files_of(tmp_path) == first


def test_generate_rejects_a_folder_with_other_files(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("mine")
    with pytest.raises(SyntheticError, match="holds other files"):
        generate(tmp_path, seed=0, images=1, size=(64, 64))
    assert files_of(tmp_path) == {"notes.txt": b"mine"}


@pytest.mark.parametrize(
    ("option", "message"),
    [
        ("--size=32x64", "size is 32x64. Expected a height and a width from 64 to 4096 pixels"),
        ("--size=9999x64", "size is 9999x64. Expected a height and a width from 64 to 4096 pixels"),
        ("--size=128", "'128' is not HEIGHTxWIDTH"),
        ("--size=-64x64", "'-64x64' is not HEIGHTxWIDTH"),
        ("--images=0", "images in train is 0. Expected 1 or more"),
        ("--val=-1", "images in val is -1. Expected 0 or more"),
        ("--test=-2", "images in test is -2. Expected 0 or more"),
        ("--seed=-3", "seed is -3. Expected 0 or more"),
        ("--images=many", "invalid int value"),
    ],
)
def test_bad_option_exits_with_2_and_names_the_problem(
    option: str, message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    output = tmp_path / "out"
    good = ["--output", str(output), "--seed=1", "--images=1", "--size=64x64"]
    with pytest.raises(SystemExit) as stopped:
        main([*good, option])
    assert stopped.value.code == 2
    assert message in capsys.readouterr().err
    assert not output.exists()
