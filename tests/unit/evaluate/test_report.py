"""The files that folder scoring reads and writes, and the pages and figures of the reports."""

import json
import re
import struct
import zlib
from collections import Counter
from html.parser import HTMLParser

import cv2
import numpy as np
import pytest

from components.contracts.process.errors import StreetloopError
from components.contracts.scores.metrics import summarize
from components.contracts.scores.report import SplitScores
from components.evaluate.__main__ import main
from components.evaluate.assess import Assessment
from components.evaluate.benchmark.id_files import ScoringError, read_ids
from components.evaluate.benchmark.label_files import find_truth, match_predictions
from components.evaluate.benchmark.page import folder_page
from components.evaluate.benchmark.scoring import score_folders, score_pairs
from components.evaluate.calibration import Calibration
from components.evaluate.gate import Decision
from components.evaluate.report import figures, pictures
from components.evaluate.report.contents import Picture, PictureRow
from components.evaluate.report.explain import Examples, WorstImages
from components.evaluate.report.learning_curve import learning_curve_figure
from components.evaluate.report.page import model_page

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


def test_json_report_holds_every_promised_key(folders):
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


def test_the_same_image_fine_and_coarse_is_refused(tmp_path):
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


def test_number_of_threads_changes_no_bit(folders):
    reports = [
        score_folders(folders / "out", folders, workers=workers).scores for workers in (1, 2, 5)
    ]
    assert reports[0] == reports[1] == reports[2]


@pytest.mark.parametrize("workers", [1, 3])
def test_only_a_few_pairs_are_in_flight_however_many_there_are(folders, workers):
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


def test_missing_prediction_is_named(folders, capsys):
    (folders / "out" / "ulm_000000_000019_labelIds.png").unlink()
    assert "prediction for ulm_000000_000019" in _error(folders, capsys)


def test_prediction_of_another_size_is_named(folders, capsys):
    path = folders / "out" / "ulm_000000_000019_labelIds.png"
    cv2.imwrite(str(path), np.zeros((4, 16), np.uint8))
    error = _error(folders, capsys)
    assert str(path) in error
    assert "16x8" in error


@pytest.mark.parametrize("value", [34, 255])
def test_unknown_id_in_a_prediction_is_named(folders, capsys, value):
    path = folders / "out" / "ulm_000000_000019_labelIds.png"
    cv2.imwrite(str(path), np.full((8, 16), value, np.uint8))
    error = _error(folders, capsys)
    assert str(path) in error
    assert f"[{value}]" in error


def test_damaged_and_coloured_files_are_named(folders, capsys):
    path = folders / "out" / "ulm_000000_000019_labelIds.png"
    whole = path.read_bytes()
    path.write_bytes(whole[:40])
    assert str(path) in _error(folders, capsys)
    path.write_bytes(b"no image")
    assert str(path) in _error(folders, capsys)
    cv2.imwrite(str(path), np.zeros((8, 16, 3), np.uint8))
    assert "colour image" in _error(folders, capsys)


def test_half_of_the_instance_files_is_an_error(folders, capsys):
    next((folders / "gtFine").rglob("ulm*_instanceIds.png")).unlink()
    assert "ulm_000000_000019_gtFine_instanceIds.png" in _error(folders, capsys)


def test_unknown_split_names_those_there_are(folders):
    with pytest.raises(ScoringError, match="it has val"):
        find_truth(folders, "test")


def test_prediction_is_found_by_the_id_inside_its_name(tmp_path):
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


def test_two_predictions_for_one_image_are_refused(tmp_path):
    for name in ("ulm_0_1.png", "old_ulm_0_1.png"):
        (tmp_path / name).touch()
    with pytest.raises(ScoringError, match=r"old_ulm_0_1\.png and .*ulm_0_1\.png"):
        match_predictions(tmp_path, ["ulm_0_1"])


@pytest.mark.parametrize("depth", [1, 2, 4, 8])
def test_palette_files_give_their_indices(tmp_path, depth):
    ids = np.arange(32).reshape(4, 8) % min(2**depth, 34)
    bits = np.unpackbits(ids.astype(np.uint8)[..., None], axis=-1)[..., -depth:]
    rows = np.packbits(bits.reshape(4, -1), axis=1)
    body = b"".join(b"\0" + row.tobytes() for row in rows)

    def chunk(kind, data):
        checksum = struct.pack(">I", zlib.crc32(kind + data))
        return struct.pack(">I", len(data)) + kind + data + checksum

    path = tmp_path / "palette.png"
    path.write_bytes(
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", struct.pack(">IIBBBBB", 8, 4, depth, 3, 0, 0, 0))
        + chunk(b"PLTE", bytes(3 * 2**depth))
        + chunk(b"IDAT", zlib.compress(body))
        + chunk(b"IEND", b"")
    )
    assert read_ids(path).tolist() == ids.tolist()


class _Tags(HTMLParser):
    def __init__(self):
        super().__init__()
        self.seen = []

    def handle_starttag(self, tag, attrs):
        self.seen.append((tag, dict(attrs)))


def test_html_report_needs_nothing_from_outside_and_runs_nothing(folders):
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


def _assessment(image_id, city):
    """One image: half of the road is taken for car."""
    matrix = np.zeros((19, 19), np.int64)
    matrix[0, [0, 13]] = 1000
    worst, calibration = WorstImages(), Calibration()
    worst.add(image_id, matrix)
    calibration.update(np.full(4, 0.9), np.array([True, True, True, False]))
    return Assessment(
        matrix, {city: matrix}, 1, 0.5, calibration, worst, city_images=Counter({city: 1})
    )


def test_page_of_a_model_shows_the_decision_and_every_score():
    decision = Decision(False, ["fell far"])
    page = model_page("streets", 3, _assessment("ulm_0_1", "ulm"), decision, {"ulm_0_1": b"png"})
    assert "Not promoted" in page
    assert "<li>fell far</li>" in page
    assert "<title>streets, cycle 3</title>" in page
    for words in (
        "<b>50.0 %</b><span>mIoU",  # road alone occurs
        "<b>66.7 %</b><span>Dice (data-set level)",
        "<b>15.0 %</b><span>calibration error (ECE)",
        "scored pixels: 2,000",
        "<td>road</td>",
        "<td>vehicle</td>",
        "<td>ulm</td><td>1</td><td>50.00</td>",
        "50.0 % of road is taken for car (1,000 pixels).",
        "Worst class: road, IoU 50.0 %, mostly taken for car.",
        "data:image/png;base64,cG5n",
    ):
        assert words in page, words
    assert "iIoU" not in page


def test_page_of_a_model_escapes_every_name_and_sentence():
    bad = "<script>alert('&')</script>"
    example = PictureRow(bad, bad, [Picture(bad, b"png")])
    page = model_page(
        bad,
        None,
        _assessment(bad, bad),
        Decision(True, [bad]),
        {bad: b"png"},
        split=bad,
        examples=[example],
    )
    assert "<script" not in page
    # Title, heading, split, reason, city, the example's title, sentence and twice its caption, and
    # the worst image.
    assert page.count("&lt;script&gt;alert(&#39;&amp;&#39;)&lt;/script&gt;") == 10


def test_page_of_a_folder_escapes_its_name(folders):
    bad = "<script>"
    for path in (folders / "out").iterdir():
        (folders / bad).mkdir(exist_ok=True)
        path.rename(folders / bad / path.name)
    page = folder_page(score_folders(folders / bad, folders), bad)
    assert "<script" not in page
    assert "predictions: &lt;script&gt;" in page


def _decode(png):
    return cv2.imdecode(np.frombuffer(png, np.uint8), cv2.IMREAD_COLOR)


def test_figures_are_pngs_and_the_same_each_time():
    rng = np.random.default_rng(0)
    matrix = rng.integers(0, 9, (19, 20))
    calibration = Calibration()
    calibration.update(rng.random(100), rng.random(100) < 0.5)
    makers = [
        lambda: figures.confusion_figure(matrix),
        lambda: figures.class_iou_figure(summarize(matrix)),
        lambda: figures.reliability_figure(calibration.scores()),
        lambda: learning_curve_figure({"random": [(10, 0.2), (20, 0.4)], "none": []}),
    ]  # fmt: skip
    for make in makers:
        assert _decode(make()).std() > 5
    assert makers[3]() == makers[3]()


def test_figures_of_nothing():
    assert _decode(figures.confusion_figure(np.zeros((19, 19)))) is not None
    assert _decode(figures.class_iou_figure(summarize(np.zeros((19, 19))))) is not None
    with pytest.raises(StreetloopError, match="at least one pixel"):
        figures.reliability_figure(Calibration().scores())
    with pytest.raises(StreetloopError, match="at least one point"):
        learning_curve_figure({"random": []})


def test_the_busiest_window_holds_the_mistakes_and_they_are_painted():
    truth = np.full((20, 40), 0, np.uint8)
    prediction = truth.copy()
    prediction[15:18, 30:34] = 13
    prediction[0, 0] = prediction[15, 29] = 255
    mask = pictures.mixed_up(truth, prediction, 0, 13)
    assert mask.sum() == 12
    assert pictures.mixed_up(truth, prediction, 0, 19).sum() == 2
    rows, columns = pictures.busiest(mask)
    assert mask[rows, columns].sum() == 12
    assert mask[rows, columns].shape == (10, 20)
    painted = pictures.highlight(np.zeros((20, 40, 3), np.uint8), mask)
    assert (painted[mask] == painted[15, 30]).all()
    assert (painted[~mask] != painted[15, 30]).any(axis=-1).all()
    assert pictures.busiest(np.ones((1, 1), bool)) == (slice(0, 1), slice(0, 1))


def test_examples_are_the_images_with_the_most_of_a_pair():
    examples = Examples()
    for name, pixels in (("a", 2), ("b", 5), ("c", 5), ("d", 1)):
        matrix = np.zeros((19, 20), np.int64)
        matrix[0, 13], matrix[1, 19] = pixels, 6 - pixels
        examples.add(name, matrix)
    assert examples.of(0, 13) == "b"
    assert examples.of(1, 19) == "d"
    assert examples.of(2, 3) is None


def test_overlay_mixes_colours_and_leaves_ignored_pixels():
    image = np.full((1, 2, 3), 100, np.uint8)
    out = pictures.overlay(image, np.array([[0, 255]], np.uint8), alpha=0.5)
    assert out.tolist() == [[[114, 82, 114], [100, 100, 100]]]  # road is (128, 64, 128)
    with pytest.raises(StreetloopError, match="like its label map"):
        pictures.overlay(image, np.zeros((2, 2), np.uint8))


def test_error_map_paints_wrong_right_and_ignored_apart():
    truth = np.array([[0, 0, 255]], np.uint8)
    wrong, right, ignored = pictures.error_map(truth, np.array([[1, 0, 1]], np.uint8))[0].tolist()
    assert wrong[0] > 2 * wrong[1]
    assert min(right) > 200
    assert max(ignored) < 200
    picture = pictures.error_map(truth, truth)
    assert _decode(pictures.to_png(picture))[..., ::-1].tolist() == picture.tolist()


def test_scores_of_a_model_survive_json():
    report = _assessment("ulm_0_1", "ulm").report()
    assert SplitScores.model_validate_json(report.model_dump_json()) == report
    assert report.calibration.ece == pytest.approx(0.15)
