"""What people answer to a probe is compared with the data set's mask, and never trains."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from components.contracts.annotation import png_mask
from components.contracts.annotation.fields import DATA_SET
from components.contracts.data.records import Records
from components.contracts.ledger.lease import open_cycle
from components.contracts.ledger.ledger import Ledger
from components.contracts.recipe.feedback import FeedbackSettings
from components.contracts.step.report import CycleReport, LabelsReport, ProbeScore
from components.cycle.runs import report_metrics
from components.feedback.existing import ingest_existing
from components.feedback.inbox import ingest_inbox
from components.feedback.page import labels_page
from components.feedback.probes import score_probes
from components.feedback.report import build
from components.feedback.resolution import settle
from components.feedback.step import decide
from tests.support.ingest_worker import SIZE, campaign, export, index, mask, painted
from tfds_cityscapes.layout import Item
from tfds_cityscapes.source import Source

A, B, C = "a_0_1", "a_0_2", "a_0_3"
SETTINGS = FeedbackSettings(existing=True)


class Masks(Source):
    """A data set whose masks are label maps in memory."""

    def __init__(self, **masks: np.ndarray) -> None:
        items = tuple(Item(i, "a", "train", "x.png", f"{i}_trainIds.png") for i in masks)
        super().__init__("masks", {}, items)
        self.masks = masks

    def read_label(self, item: Item, size: tuple[int, int] | None = None) -> np.ndarray:
        return self.masks[item.image_id]


SOURCE = Masks(**{A: painted(0, 1), B: painted(0, 13)})


@pytest.fixture
def records(tmp_path: Path) -> Records:
    return index(tmp_path / "records", [A, B, C])


@pytest.fixture
def ledger(tmp_path: Path, records: Records) -> Ledger:
    """A campaign that has the masks of A and B as labels, and asks for C, with A and B as probes."""
    ledger = campaign(str(tmp_path / "root"), [])
    ingest_existing(ledger, SOURCE, records, SETTINGS, None)
    lease = open_cycle(ledger, "one", 60)
    items = [{"image_id": i, "score": 1.0, "reason": "r", "cost": 1.0} for i in (A, B, C)]
    query = {"cycle": 1, "strategy": "entropy", "model": None, "items": items, "probes": [A, B]}
    ledger.commit("query", "query/1", query, fence=lease.fence)
    return ledger


def take_in(ledger: Ledger, records: Records, name: str, data: bytes) -> None:
    ledger.storage.write(f"inbox/{name}", data)
    ingest_inbox(ledger, records, SETTINGS, None)


def scores(ledger: Ledger) -> dict[str, ProbeScore]:
    return {score.annotator: score for score in score_probes(ledger, lambda: SOURCE)}


def test_answers_to_probes_leave_the_queue_and_are_no_labels(
    ledger: Ledger, records: Records
) -> None:
    before = ledger.state().current_labels
    assert set(ledger.state().outstanding) == {A, B, C}
    take_in(ledger, records, "x.json", export((A, "ann", "01", (5,)), (C, "ann", "01", (3,))))
    state = ledger.state()
    assert set(state.outstanding) == {B}
    assert state.new_labels == [A, B, C]
    assert {i: state.current_labels[i] for i in (A, B)} == before
    assert [v.annotator for v in state.labels[A]] == [DATA_SET]
    assert [v.annotator for v in state.answers(A)] == ["ann"]
    assert ledger.verify() == []


def test_an_answer_that_comes_again_or_with_another_export_adds_nothing(
    ledger: Ledger, records: Records
) -> None:
    take_in(ledger, records, "x.json", export((A, "ann", "01", (5,))))
    version = ledger.state().version
    take_in(ledger, records, "x.json", export((A, "ann", "01", (5,))))
    assert ledger.state().version == version
    more = export((A, "ann", "01", (5,)), (B, "ann", "01", (6,)))
    take_in(ledger, records, "x.json", more)
    answers = {i: len(versions) for i, versions in ledger.state().probes.items()}
    assert answers == {A: 1, B: 1}
    assert [label.image_id for label in ledger.events()[-1].payload.labels] == [B]


def test_a_campaign_whose_probes_alone_were_answered_has_no_new_label(
    tmp_path: Path, records: Records
) -> None:
    ledger = campaign(str(tmp_path / "other"), [])
    lease = open_cycle(ledger, "one", 60)
    item = {"image_id": A, "score": 1.0, "reason": "r", "cost": 1.0}
    query = {"cycle": 1, "strategy": "entropy", "model": None, "items": [item], "probes": [A]}
    ledger.commit("query", "query/1", query, fence=lease.fence)
    ledger.storage.write(f"inbox/{png_mask.file_name(A)}", mask(0, 1))
    ingest_inbox(ledger, records, FeedbackSettings(), None)
    ingest_existing(ledger, SOURCE, records, SETTINGS, None)
    state = ledger.state()
    assert state.new_labels == [B]  # A stays a probe, and its mask unused
    assert [v.annotator for v in state.answers(A)] == ["unknown"]
    assert decide(ledger.state_at(state.version - 1), SETTINGS).name == "ASK"


def test_a_corrected_label_that_became_a_probe_is_settled_no_more(
    tmp_path: Path, records: Records
) -> None:
    ledger = campaign(str(tmp_path / "other"), [])
    ingest_existing(ledger, SOURCE, records, SETTINGS, None)
    correction = export((A, "eve", "01", (7,)))
    ledger.storage.write("inbox/x.json", correction)
    ingest_inbox(ledger, records, SETTINGS.model_copy(update={"allow_unasked": True}), None)
    assert len(ledger.state().labels[A]) > 1  # and the latest counts
    lease = open_cycle(ledger, "one", 60)
    item = {"image_id": A, "score": 1.0, "reason": "r", "cost": 1.0}
    query = {"cycle": 1, "strategy": "entropy", "model": None, "items": [item], "probes": [A]}
    ledger.commit("query", "query/1", query, fence=lease.fence)
    version = ledger.state().version
    settle(ledger, "consensus", None)  # it would never end: no event changes the label of a probe
    assert ledger.state().version == version


def test_a_probe_that_waits_alone_does_not_keep_a_query_back(
    ledger: Ledger, records: Records
) -> None:
    many = SETTINGS.model_copy(update={"min_new_labels": 100})
    assert decide(ledger.state(), many).name == "NOTHING"  # C waits
    take_in(ledger, records, "x.json", export((C, "ann", "01", (3,))))
    state = ledger.state()
    assert (set(state.outstanding), state.waiting) == ({A, B}, set())
    assert decide(state, many).name == "ASK"


def test_each_annotator_is_scored_over_the_newest_answer_to_every_probe(
    ledger: Ledger, records: Records
) -> None:
    assert score_probes(ledger, lambda: pytest.fail("nothing to compare")) == []
    first = export((A, "ann", "01", (1, 0)), (B, "ann", "01", (0, 13)), (A, "bob", "01", (0,)))
    take_in(ledger, records, "x.json", first)
    take_in(ledger, records, "y.json", export((A, "ann", "02", (0, 1))))
    found = scores(ledger)
    assert found["ann"].model_dump() == {
        "annotator": "ann",
        "images": 2,
        "labeled": 1.0,
        "miou": 1.0,
        "pixel_accuracy": 1.0,
    }
    # Half of A is class 0 and half is class 1; bob painted all of it as 0.
    assert found["bob"].miou == pytest.approx((0.5 + 0) / 2)
    assert (found["bob"].images, found["bob"].pixel_accuracy) == (1, 0.5)


def test_unlabeled_pixels_are_counted_apart(ledger: Ledger, records: Records) -> None:
    half = painted(0, 1)
    half[:2] = 255
    take_in(ledger, records, png_mask.file_name(A), png_mask.write(half))
    (score,) = score_probes(ledger, lambda: SOURCE)
    assert (score.labeled, score.miou, score.pixel_accuracy) == (0.5, 1.0, 1.0)


def test_a_mask_that_is_gone_or_has_another_size_is_left_out(
    ledger: Ledger, records: Records, caplog: pytest.LogCaptureFixture
) -> None:
    take_in(ledger, records, "x.json", export((A, "ann", "01", (0,)), (B, "ann", "01", (0,))))
    changed = Masks(**{B: np.zeros((SIZE[0] + 1, SIZE[1]), np.uint8)})
    assert score_probes(ledger, lambda: changed) == []
    assert "a_0_1 is left out: its mask cannot be read" in caplog.text
    assert "a_0_2 is left out: its mask has another size now" in caplog.text


def test_the_report_its_page_and_mlflow_show_the_scores(ledger: Ledger, records: Records) -> None:
    since = ledger.state().version
    take_in(ledger, records, "x.json", export((A, "ann@x.org", "01", (0,))))
    probes = score_probes(ledger, lambda: SOURCE)
    report = build(ledger, since, SETTINGS, probes)
    assert [row.image_id for row in report.accepted] == [A]
    assert [row.annotator for row in report.probes] == ["ann@x.org"]
    page = labels_page("x", 1, report)
    assert "<h2>Probes</h2>" in page
    assert "<td>50.0</td>" in page
    cycle = CycleReport.model_validate(
        dict.fromkeys(CycleReport.model_fields)
        | {"format": 1, "cycle": 1, "outcome": "waiting", "labeled": 2, "new_labels": 0}
        | {"queried": 3, "seconds": 1.0, "seconds_by_step": {}, "reasons": [], "feedback": report}
    )
    metrics = report_metrics(cycle)
    assert metrics["probes/ann_x.org/pixel_accuracy"] == 0.5
    assert metrics["probes/ann_x.org/images"] == 1
    # MLflow allows no @: two annotators get different names.
    other = probes[0].model_copy(update={"annotator": "ann_x.org", "images": 2})
    both = report.model_copy(update={"probes": [*probes, other]})
    metrics = report_metrics(cycle.model_copy(update={"feedback": both}))
    assert [v for k, v in metrics.items() if k.endswith("/images")] == [1, 2]


def test_a_report_from_before_probes_is_read() -> None:
    old = dict.fromkeys(("accepted", "resolved", "refused", "skipped", "warnings", "agreement"), ())
    assert LabelsReport.model_validate({k: [] for k in old}).probes == []
