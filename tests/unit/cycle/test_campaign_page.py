"""The page of a campaign shows its curves, its cycles, what was asked, and images side by side."""

from __future__ import annotations

import logging
import re
import shutil
from pathlib import Path

import pytest

from components.contracts.forecast.forecast import forecast_of
from components.contracts.forecast.stability import stability_of
from components.contracts.ledger.layout import (
    CAMPAIGN_PAGE,
    cycle_report,
    query_page,
    watched_folder,
)
from components.contracts.ledger.ledger import Ledger
from components.contracts.ledger.state import State
from components.contracts.step.report import CycleReport
from components.contracts.storage.open import open_storage
from components.cycle.campaign_page.charts import axis_top, chart
from components.cycle.campaign_page.contents import contents
from components.cycle.campaign_page.write import write_campaign_page

CAMPAIGN = Path(__file__).parents[2] / "fixtures" / "campaigns" / "v0.1"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return Path(shutil.copytree(CAMPAIGN, tmp_path / "campaign"))


def page_of(root: Path) -> str:
    storage = open_storage(str(root))
    write_campaign_page(Ledger(storage), storage)
    return (root / CAMPAIGN_PAGE).read_text()


def test_the_page_shows_every_cycle_and_what_it_asked(root: Path) -> None:
    storage = open_storage(str(root))
    found = contents(Ledger(storage), storage)
    assert [(row.cycle, row.outcome, row.labeled) for row in found.cycles] == [
        (1, "done", 3),
        (2, "done", 4),
    ]
    state = Ledger(storage).state()
    asked = {item.image_id for request in found.requests for item in request.items}
    assert asked == set(state.asked)
    page = page_of(root)
    for request in found.requests:
        for item in request.items:
            assert item.image_id in page
            assert item.reason.replace("'", "&#39;") in page


def test_each_class_of_val_has_its_curve(root: Path) -> None:
    storage = open_storage(str(root))
    found = contents(Ledger(storage), storage)
    assert [len(line.marks) for line in found.curve.lines] == [2, 2, 2]
    names = [one.title for one in found.classes]
    assert "road" in names
    assert len(set(names)) == len(names) <= 19
    assert page_of(root).count("<polyline") == 3 + len(names)


def test_the_same_image_is_shown_cycle_by_cycle(root: Path) -> None:
    storage = open_storage(str(root))
    for cycle in (1, 2):
        for kind in ("labels", "prediction"):
            storage.write(f"{watched_folder(cycle)}/a/{kind}.png", f"{kind}{cycle}".encode())
    storage.write(f"{watched_folder(2)}/b/labels.png", b"b")
    storage.write(f"{watched_folder(2)}/b/prediction.png", b"new")
    found = contents(Ledger(storage), storage)
    rows = {row.image_id: [(v.caption, v.png) for v in row.views] for row in found.watched}
    assert rows == {
        "a": [("labels", b"labels2"), ("cycle 1", b"prediction1"), ("cycle 2", b"prediction2")],
        "b": [("labels", b"b"), ("cycle 2", b"new")],
    }
    assert page_of(root).count("<img ") == 5


def test_the_page_is_one_document_without_scripts(root: Path) -> None:
    page = page_of(root)
    assert "<script" not in page
    assert not re.search(r'(src|href)="https?:', page)


def test_a_page_that_cannot_be_written_is_only_logged(
    root: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (root / "cycles" / "1" / "report.json").write_text("{")
    storage = open_storage(str(root))
    with caplog.at_level(logging.WARNING):
        write_campaign_page(Ledger(storage), storage)
    assert "page could not be written" in caplog.text
    assert not (root / CAMPAIGN_PAGE).exists()


def test_a_campaign_that_has_only_begun_has_a_page(tmp_path: Path) -> None:
    shutil.copytree(CAMPAIGN / "ledger", tmp_path / "ledger")
    for event in sorted((tmp_path / "ledger").iterdir())[1:]:
        event.unlink()
    assert "Learning curve" in page_of(tmp_path)


def test_the_advice_and_the_band_of_the_forecast_are_shown(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert "can be said after 3 cycles" in page_of(root)
    assert "<polygon" not in page_of(root)
    points = [(3, 0.3), (4, 0.4), (5, 0.45), (6, 0.48)]
    monkeypatch.setattr(State, "learning_curve", property(lambda state: points))
    storage = open_storage(str(root))
    name = cycle_report(2)
    report = CycleReport.model_validate_json(storage.read(name))
    stability = stability_of(0.875, 1, 7, [], 0.99)
    later = report.model_copy(update={"stability": stability})
    storage.write(name, later.model_dump_json().encode())
    page = page_of(root)
    forecast = forecast_of(points, None)
    assert forecast is not None
    assert forecast.words in page
    assert stability.words in page
    assert "<td>0.875</td>" in page
    assert page.count("<polygon") == 1
    across = [tick.words for tick in contents(Ledger(storage), storage).curve.across]
    assert across == ["3", "12"]  # twice the labels of the newest model


def test_a_request_links_to_its_page_with_pictures(root: Path) -> None:
    assert "why.html" not in page_of(root)
    open_storage(str(root)).write(query_page(2), b"why")
    assert page_of(root).count('<a href="queries/2/why.html">') == 1


def test_a_band_is_a_closed_area_behind_the_curves() -> None:
    found = chart("t", {"mIoU": [(10, 0.0)]}, (100, 60), 1.0, band=[(10, 0, 0.5), (30, 0.5, 1)])
    # Along the upper edge, and back along the lower one.
    assert found.band == "40.0,23.0 86.0,8.0 86.0,23.0 40.0,38.0"


def test_a_chart_spans_its_values() -> None:
    found = chart("t", {"mIoU": [(10, 0.0), (30, 1.0), (20, 0.5)]}, (100, 60), 1.0)
    first, last, middle = found.lines[0].marks
    assert first.x == 40
    assert last.x == 86
    assert middle.x == 63
    assert first.y > middle.y > last.y
    assert [tick.words for tick in found.across] == ["10", "30"]


@pytest.mark.parametrize(
    ("values", "top"), [([], 0.1), ([0.05], 0.1), ([0.34], 0.4), ([0.4], 0.5), ([1.0], 1.0)]
)
def test_an_axis_ends_above_all_values(values: list[float], top: float) -> None:
    assert axis_top(values) == pytest.approx(top)
