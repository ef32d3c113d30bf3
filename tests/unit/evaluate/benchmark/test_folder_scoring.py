"""Folder scoring as a command: the files that it reads, its errors, its JSON and its page."""

import json
import re
from html.parser import HTMLParser

import cv2
import numpy as np
import pytest

from components.evaluate.__main__ import main
from components.evaluate.benchmark.id_files import ScoringError
from components.evaluate.benchmark.label_files import find_truth, match_predictions
from components.evaluate.benchmark.page import folder_page
from components.evaluate.benchmark.scoring import score_folders, score_pairs
from tests.support.png_files import PALETTE, grays, png
from tfds_cityscapes.labels import colorize, to_train_ids

ROAD, CAR = 7, 26


@pytest.fixture
def folders(tmp_path):
    """Two images of two cities: truth all road, the second prediction half car."""
    truth, out = tmp_path / "gtFine" / "val", tmp_path / "out"
    out.mkdir()
    for city in ("ulm", "bonn"):
        (truth / city).mkdir(parents=True)
        labels = np.full((8, 16), ROAD, np.uint8)
        prediction = labels.copy()
        if city == "bonn":
            prediction[:, :8] = CAR
        stem = f"{city}_000000_000019"
        cv2.imwrite(str(truth / city / f"{stem}_gtFine_labelIds.png"), labels)
        cv2.imwrite(str(truth / city / f"{stem}_gtFine_instanceIds.png"), labels.astype(np.uint16))
        cv2.imwrite(str(out / f"{stem}_labelIds.png"), prediction)
    return tmp_path


def _run(folders, *more, truth=None):
    arguments = ["--predictions", folders / "out", "--ground-truth", truth or folders]
    return main([str(one) for one in [*arguments, "--output", folders / "report.json", *more]])


def _error(folders, capsys):
    assert _run(folders) == 1
    assert not (folders / "report.json").exists()
    return capsys.readouterr().err


def test_cities_whose_names_begin_alike_are_two(folders):
    for path in sorted(folders.rglob("*.png")):
        path.rename(path.with_name(f"new_{path.name}"))
    assert _run(folders) == 0
    report = json.loads((folders / "report.json").read_text())
    assert {c: one["pixel_accuracy"] for c, one in report["per_city"].items()} == {
        "new_bonn": 0.5,
        "new_ulm": 1.0,
    }


def test_json_report_holds_every_documented_key(folders):
    assert _run(folders) == 0
    report = json.loads((folders / "report.json").read_text())
    # Road: 192 of 256. Car is predicted but never labeled: 0 in the benchmark's mean, not in ours.
    assert report["classes"]["road"]["iou"] == 0.75
    assert report["miou"] == pytest.approx(0.75 / 2)
    assert report["miou_labeled_classes"] == 0.75
    assert report["pixel_accuracy"] == 0.75
    assert report["dice"] == pytest.approx(2 * 192 / (192 + 256))
    assert report["dice_image_mean"] == pytest.approx((1 + 2 * 64 / (64 + 128)) / 2)
    assert report["mean_accuracy"] == report["frequency_weighted_iou"] == 0.75
    assert report["classes"]["car"] == {
        "iou": 0.0, "iiou": 0.0, "dice": 0.0, "accuracy": None, "pixels": 0
    }  # fmt: skip
    assert report["classes"]["sky"]["iou"] is None
    assert report["categories"]["flat"] == {"iou": 0.75, "iiou": None}
    assert report["iiou"] == report["category_iiou"] == 0
    assert report["category_iou"] == pytest.approx(0.75 / 2)
    assert {city: row["pixel_accuracy"] for city, row in report["per_city"].items()} == {
        "bonn": 0.5,
        "ulm": 1.0,
    }
    assert report["worst_images"][0]["image_id"] == "bonn_000000_000019"
    assert report["most_confused"][0]["example"] == "bonn_000000_000019"
    assert report["most_confused"][0]["words"] == "25.0 % of road is taken for car (64 pixels)."
    assert np.sum(report["confusion"]["pixels"]) == 256


def test_any_folder_with_label_files_is_ground_truth(folders):
    assert _run(folders, truth=folders / "gtFine" / "val" / "ulm") == 0
    assert json.loads((folders / "report.json").read_text())["images"] == 1


def test_label_files_of_any_name_are_ground_truth(tmp_path):
    """As others name them: X_labelIds.png, in one folder with its instances."""
    for folder in ("truth", "out"):
        (tmp_path / folder).mkdir()
        cv2.imwrite(
            str(tmp_path / folder / "drive_7_labelIds.png"), np.full((8, 16), CAR, np.uint8)
        )
    instances = np.full((8, 16), 1000 * CAR, np.uint16)
    cv2.imwrite(str(tmp_path / "truth" / "drive_7_instanceIds.png"), instances)
    assert _run(tmp_path, truth=tmp_path / "truth") == 0
    report = json.loads((tmp_path / "report.json").read_text())
    assert report["worst_images"][0]["image_id"] == "drive_7"
    assert report["classes"]["car"]["iiou"] == 1


def test_find_truth_rejects_two_label_files_of_one_image(tmp_path):
    for kind in ("gtFine", "gtCoarse"):
        (tmp_path / f"ulm_0_1_{kind}_labelIds.png").touch()
    with pytest.raises(ScoringError, match="one ground truth for ulm_0_1"):
        find_truth(tmp_path)


def test_without_instance_files_iiou_is_null(folders):
    for path in folders.rglob("*_instanceIds.png"):
        path.unlink()
    assert _run(folders) == 0
    report = json.loads((folders / "report.json").read_text())
    assert report["iiou"] is None
    assert report["classes"]["car"]["iiou"] is None
    assert report["miou"] is not None


def test_scores_do_not_depend_on_the_number_of_threads(folders):
    reports = [
        score_folders(folders / "out", folders, workers=workers).scores for workers in (1, 2, 5)
    ]
    assert reports[0] == reports[1] == reports[2]


@pytest.mark.parametrize("workers", [1, 3])
def test_score_pairs_keeps_only_a_few_pairs_in_flight(folders, workers):
    file = find_truth(folders)[0]
    prediction = match_predictions(folders / "out", [file.image_id])[file.image_id]
    drawn = 0

    def pairs():
        nonlocal drawn
        for _ in range(60):
            drawn += 1
            yield file, prediction

    for done, _ in enumerate(score_pairs(pairs(), workers)):
        assert drawn - done <= 2 * workers + 1
    assert drawn == 60


def test_error_names_a_missing_prediction(folders, capsys):
    (folders / "out" / "ulm_000000_000019_labelIds.png").unlink()
    assert "prediction for ulm_000000_000019" in _error(folders, capsys)


def test_error_names_a_prediction_of_another_size(folders, capsys):
    path = folders / "out" / "ulm_000000_000019_labelIds.png"
    cv2.imwrite(str(path), np.zeros((4, 16), np.uint8))
    error = _error(folders, capsys)
    assert str(path) in error
    assert "16x8" in error


@pytest.mark.parametrize("value", [34, 255])
def test_error_names_a_prediction_with_an_unknown_id(folders, capsys, value):
    path = folders / "out" / "ulm_000000_000019_labelIds.png"
    cv2.imwrite(str(path), np.full((8, 16), value, np.uint8))
    error = _error(folders, capsys)
    assert str(path) in error
    assert f"[{value}]" in error


def test_error_names_damaged_and_coloured_files(folders, capsys):
    path = folders / "out" / "ulm_000000_000019_labelIds.png"
    whole = path.read_bytes()
    path.write_bytes(whole[:40])
    assert str(path) in _error(folders, capsys)
    path.write_bytes(b"no image")
    assert str(path) in _error(folders, capsys)
    cv2.imwrite(str(path), np.tile(np.array([142, 0, 0], np.uint8), (8, 16, 1)))  # car, in BGR
    assert "holds the Cityscapes colours" in _error(folders, capsys)


def test_error_names_the_first_missing_instance_file(folders, capsys):
    next((folders / "gtFine").rglob("ulm*_instanceIds.png")).unlink()
    assert "ulm_000000_000019_gtFine_instanceIds.png" in _error(folders, capsys)


def test_find_truth_lists_the_splits_if_one_is_unknown(folders):
    with pytest.raises(ScoringError, match="it has val"):
        find_truth(folders, "test")


def test_folders_are_walked_as_data_sets_are(folders, tmp_path_factory):
    """Hidden files and what systems leave behind do not count, links are followed, case is ignored."""
    expected = score_folders(folders / "out", folders).scores
    for path in [*folders.rglob("*.png")]:
        path.with_name(f"._{path.name}").write_bytes(b"x")
        for left in ("__MACOSX", ".ipynb_checkpoints"):
            (path.parent / left).mkdir(exist_ok=True)
            (path.parent / left / path.name).write_bytes(path.read_bytes())
    for path in folders.rglob("ulm_*.png"):
        path.rename(path.with_suffix(".PNG"))
    far = tmp_path_factory.mktemp("far")
    for name in ("gtFine/val/bonn", "out"):
        (folders / name).rename(far / name.rpartition("/")[2])
        (folders / name).symlink_to(far / name.rpartition("/")[2])
    assert score_folders(folders / "out", folders).scores == expected


def test_error_names_a_prediction_that_is_a_link_to_nowhere(folders, capsys):
    path = folders / "out" / "ulm_000000_000019_labelIds.png"
    path.unlink()
    path.symlink_to(folders / "gone.png")
    error = _error(folders, capsys)
    assert "ulm_000000_000019_labelIds.png was not read: the link leads nowhere." in error


def test_match_predictions_finds_the_id_inside_a_name(tmp_path):
    ids = ["ulm_000000_000019", "ulm_000001_000019", "neu_ulm_000001_000019"]
    names = ["a/pred-ulm_000000_000019.png", "neu_ulm_000001_000019pred.png",
             "ulm_000001_000019_leftImg8bit.png", "ulm_000001_000019_color_labelIds.png",
             "ulm_000001_0000190.png"]  # fmt: skip
    (tmp_path / "a").mkdir()
    for name in names:
        (tmp_path / name).touch()
    found = match_predictions(tmp_path, ids)
    assert [found[one].relative_to(tmp_path).as_posix() for one in ids] == [
        "a/pred-ulm_000000_000019.png",
        "ulm_000001_000019_color_labelIds.png",
        "neu_ulm_000001_000019pred.png",
    ]


def test_match_predictions_rejects_two_candidates(tmp_path):
    for name in ("ulm_0_1.png", "old_ulm_0_1.png"):
        (tmp_path / name).touch()
    with pytest.raises(ScoringError, match=r"old_ulm_0_1\.png and .*ulm_0_1\.png"):
        match_predictions(tmp_path, ["ulm_0_1"])


class _Tags(HTMLParser):
    def __init__(self):
        super().__init__()
        self.seen = []

    def handle_starttag(self, tag, attrs):
        self.seen.append((tag, dict(attrs)))


def test_page_of_a_folder_is_self_contained_and_runs_no_script(folders):
    assert _run(folders, "--html", folders / "report.html") == 0
    page = (folders / "report.html").read_text()
    tags = _Tags()
    tags.feed(page)
    names = {tag for tag, _ in tags.seen}
    assert not names & {"script", "link", "iframe", "form", "a"}
    images = [attributes["src"] for tag, attributes in tags.seen if tag == "img"]
    assert len(images) == 2 + 3 + 2 * 3  # figures, a pair of classes, the worst images
    assert all(source.startswith("data:image/png;base64,") for source in images)
    assert not re.search(r"url\(|@import|https?://", page)
    assert "bonn_000000_000019" in page


def test_page_of_a_folder_escapes_its_name(folders):
    bad = "<script>"
    for path in (folders / "out").iterdir():
        (folders / bad).mkdir(exist_ok=True)
        path.rename(folders / bad / path.name)
    page = folder_page(score_folders(folders / bad, folders), bad)
    assert "<script" not in page
    assert "predictions: &lt;script&gt;" in page


def _rewrite(folder, change, ending="_labelIds.png"):
    """Replace the predictions by others, made from them, under names of another ending."""
    for path in sorted((folder / "out").iterdir()):
        ids = cv2.imread(str(path), cv2.IMREAD_UNCHANGED)
        path.unlink()
        name = path.name.removesuffix("_labelIds.png") + ending
        (folder / "out" / name).write_bytes(change(ids))


def _encoded(ids):
    return cv2.imencode(".png", ids)[1].tobytes()


@pytest.mark.parametrize(
    "ending", ["_gtFine_labelTrainIds.png", "_trainIds.png", "_pred_trainIds.PNG"]
)
def test_predictions_named_as_train_ids_are_read_as_such(folders, capsys, ending):
    _run(folders)
    expected = json.loads((folders / "report.json").read_text())
    _rewrite(folders, lambda ids: _encoded(to_train_ids(ids)), ending)
    assert _run(folders, "--html", folders / "report.html") == 0
    assert json.loads((folders / "report.json").read_text()) == expected
    assert expected["warnings"] == []
    assert "Warning" not in capsys.readouterr().err


def test_unnamed_train_ids_bring_a_warning_everywhere(folders, capsys):
    _rewrite(folders, lambda ids: _encoded(to_train_ids(ids)), ".png")
    assert _run(folders, "--html", folders / "report.html") == 0
    (warning,) = json.loads((folders / "report.json").read_text())["warnings"]
    assert "No predicted id is above 18" in warning
    assert warning in capsys.readouterr().err
    assert "No predicted id is above 18" in (folders / "report.html").read_text()


def test_few_classes_that_are_predicted_right_bring_no_warning(folders):
    _rewrite(folders, lambda ids: _encoded(np.full_like(ids, ROAD)))  # the truth has only road
    assert _run(folders) == 0
    assert json.loads((folders / "report.json").read_text())["warnings"] == []


def test_optimized_predictions_score_as_before(folders):
    _run(folders)
    expected = json.loads((folders / "report.json").read_text())

    def optimized(ids):
        used = np.unique(ids)[::-1]
        places = np.argmax(ids[..., None] == used, axis=-1)
        return png(places, 1 if len(used) < 3 else 4, PALETTE, palette=grays(*used))

    _rewrite(folders, optimized)
    assert _run(folders) == 0
    assert json.loads((folders / "report.json").read_text()) == expected


def test_predictions_in_colours_are_read_if_their_name_says_so(folders):
    _run(folders)
    expected = json.loads((folders / "report.json").read_text())
    _rewrite(folders, lambda ids: _encoded(colorize(to_train_ids(ids))[..., ::-1]), "_color.png")
    assert _run(folders) == 0
    assert json.loads((folders / "report.json").read_text()) == expected


def test_train_ids_among_predictions_of_label_ids_are_rejected(folders, capsys):
    _rewrite(folders, lambda ids: _encoded(np.where(ids == CAR, 255, 0).astype(np.uint8)))
    assert "_labelTrainIds.png" in _error(folders, capsys)


def test_truth_in_train_ids_named_as_label_ids_is_rejected(folders, capsys):
    path = next((folders / "gtFine").rglob("ulm*_labelIds.png"))
    cv2.imwrite(str(path), np.where(np.arange(128).reshape(8, 16) % 2, 255, 0).astype(np.uint8))
    assert "255 and no id above 18" in _error(folders, capsys)
