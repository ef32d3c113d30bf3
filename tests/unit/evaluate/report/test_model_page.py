"""The page of a model, and its scores as JSON."""

from collections import Counter

import numpy as np
import pytest

from components.contracts.page.pictures import Picture, PictureRow
from components.contracts.scores.report import SplitScores
from components.evaluate.assess import Assessment, baseline
from components.evaluate.calibration import Calibration
from components.evaluate.explain import WorstImages
from components.evaluate.gate import Decision
from components.evaluate.report.page import model_page


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


def test_page_of_a_model_survives_a_split_without_a_scored_pixel():
    nothing = Assessment(np.zeros((19, 19), np.int64), {}, 2, None, Calibration())
    page = model_page("streets", 3, nothing, None, {})
    assert "scored pixels: 0" in page
    report = nothing.report()
    assert SplitScores.model_validate_json(report.model_dump_json()) == report
    assert baseline(nothing.confusion).miou is None


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


def test_scores_of_a_model_survive_json():
    report = _assessment("ulm_0_1", "ulm").report()
    assert SplitScores.model_validate_json(report.model_dump_json()) == report
    assert report.calibration.ece == pytest.approx(0.15)
