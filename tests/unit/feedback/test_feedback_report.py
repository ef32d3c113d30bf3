"""What the report on incoming labels says, and where it is shown."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from components.contracts.annotation import png_mask
from components.contracts.ledger.campaign import create_campaign
from components.contracts.ledger.lease import open_cycle
from components.contracts.ledger.ledger import Ledger
from components.contracts.process import progress
from components.contracts.recipe.feedback import FeedbackSettings
from components.contracts.recipe.recipe import Recipe
from components.contracts.step.context import Context
from components.contracts.step.plan import Plan
from components.contracts.step.report import LabelsReport
from components.contracts.step.results import Results
from components.contracts.storage.open import open_storage
from components.cycle.close import build_report
from components.feedback import step
from components.feedback.inbox import ingest_inbox
from components.feedback.page import labels_page
from components.feedback.report import build
from components.feedback.step import decide, run
from pipelines.campaign.status import read_status
from pipelines.campaign.waiting import waiting_words
from pipelines.cli import main
from tests.support.ingest_worker import campaign, export, index, mask, painted

A, B, C = "a_0_1", "a_0_2", "a_0_3"
RECIPE = {"name": "people", "seed": 1, "feedback": {"policy": "consensus", "max_ignore": 0.4}}


def asked(root: Path) -> Ledger:
    """A campaign in its second cycle: a query of the first showed predictions of A and B."""
    ledger = create_campaign(open_storage(str(root)), "people", RECIPE, {})
    lease = open_cycle(ledger, "one", 60)
    items = [{"image_id": i, "score": 1.0, "reason": "r", "cost": 1.0} for i in (A, B, C)]
    query = {"cycle": 1, "strategy": "entropy", "model": None, "items": items}
    ledger.commit("query", "query/1", query, fence=lease.fence)
    for image_id in (A, B):
        name = f"queries/1/predictions/{png_mask.file_name(image_id)}"
        ledger.storage.write(name, mask(1, 2))
    ledger.commit(
        "cycle_closed",
        "close/1",
        {"cycle": 1, "outcome": "waiting", "report": None, "summary": {}},
        fence=lease.fence,
    )
    return ledger


def hand_in(ledger: Ledger) -> None:
    """Ann leaves A untouched and differs from bob everywhere on B; C is skipped, one is refused."""
    first = export((A, "ann", "01", (1, 2)), (B, "ann", "01", (3, 4)), (C, "ann", "01", None))
    ledger.storage.write("inbox/ann.json", first)
    other = export((B, "bob", "01", (1, 2)), ("<b>", "bob", "01", (1, 2)))
    ledger.storage.write("inbox/bob.json", other)


def test_the_step_reports_warnings_refusals_skips_and_agreement(tmp_path: Path) -> None:
    ledger = asked(tmp_path / "root")
    index(tmp_path / "root/records/x", [A, B, C])
    hand_in(ledger)
    lease = open_cycle(ledger, "two", 60)
    result = run(json.dumps(RECIPE), str(tmp_path / "root"), 2, lease.fence, "records/x")
    assert (result.plan, result.labeled, result.new_labels) == (Plan.TRAIN, 2, 2)
    context = Context(json.dumps(RECIPE), str(tmp_path / "root"), 2, lease.fence)
    arrived = build_report(context, result, Results(feedback=result)).feedback
    assert arrived is not None
    report = arrived.model_dump()
    assert report["accepted"] == [
        {"image_id": A, "annotator": "ann", "file": "ann.json"},
        {"image_id": B, "annotator": "ann", "file": "ann.json"},
        {"image_id": B, "annotator": "bob", "file": "bob.json"},
    ]
    assert report["skipped"] == [{"image_id": C, "annotator": "ann", "why": "too dark"}]
    assert ["<b>" in row["name"] for row in report["refused"]] == [True]
    untouched = [(w["image_id"], w["annotator"]) for w in report["warnings"][:2]]
    assert untouched == [(A, "ann"), (B, "bob")]
    assert "agree on only 0.0%" in report["warnings"][2]["reason"]
    assert report["resolved"] == [
        {"image_id": B, "annotator": "consensus of ann, bob", "agreement": 0.0}
    ]
    ann, bob = report["agreement"]
    assert (ann["images"], bob["images"]) == (2, 1)
    assert ann["with_others"] == bob["with_others"] == 0.0
    # Over A and B: classes 1 and 2 half shared, 3 and 4 not at all.
    assert ann["with_prediction"] == pytest.approx((0.5 + 0.5 + 0 + 0) / 4)
    assert bob["with_prediction"] == 1.0
    page = ledger.storage.read("cycles/2/feedback.html").decode()
    assert "too dark" in page
    assert "&lt;b&gt;" in page
    assert "<b>" not in page


def told(ledger: Ledger, files: dict[str, bytes], monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Run the step on these files; return its sentences, as the command shows them."""
    for name, data in files.items():
        ledger.storage.write(f"inbox/{name}", data)
    root = Path(ledger.storage.uri)
    index(root / "records/x", [A, B, C])
    rows = root.parent / "progress"
    monkeypatch.setattr(step, "begin", lambda name: None)
    monkeypatch.setenv(progress.ENVIRONMENT, str(rows))
    lease = open_cycle(ledger, "two", 60)
    run(json.dumps(RECIPE), str(root), 2, lease.fence, "records/x")
    notes = [json.loads(line).get("note") for line in rows.read_text().splitlines()]
    return [note for note in notes if note]


def test_the_step_tells_how_many_files_were_rejected(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = {f"no{k}.txt": b"hello" for k in range(5)}
    files |= {png_mask.file_name(image_id): mask(1, 2) for image_id in (A, B)}
    (note,) = told(asked(tmp_path / "root"), files, monkeypatch)
    assert note.startswith("5 of 7 files were rejected, first: no0.txt: ")
    assert note.endswith(". `streetloop feedback list` names all.")
    assert ".." not in note


def test_the_step_tells_how_many_labels_of_an_export_were_rejected(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = {"bob.json": export((B, "bob", "01", (1, 2)), ("other", "bob", "01", (1, 2)))}
    (note,) = told(asked(tmp_path / "root"), files, monkeypatch)
    assert note.startswith("1 of 2 labels was rejected: bob.json")


def test_the_step_tells_nothing_of_labels_that_are_all_right(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = {png_mask.file_name(A): mask(1, 2)}
    assert told(asked(tmp_path / "root"), files, monkeypatch) == []


def test_what_came_in_with_an_earlier_cycle_is_not_told_again(tmp_path: Path) -> None:
    ledger = campaign(str(tmp_path / "root"), [A, B])
    records = index(tmp_path / "records", [A, B])
    ledger.storage.write("inbox/x.json", export((A, "ann", "01", (1, 2))))
    ingest_inbox(ledger, records, FeedbackSettings(), None)
    since = ledger.state().version
    ledger.storage.write("inbox/y.json", export((B, "bob", "01", (1, 2))))
    ingest_inbox(ledger, records, FeedbackSettings(), None)
    report = build(ledger, since, FeedbackSettings())
    assert [row.image_id for row in report.accepted] == [B]
    assert [row.annotator for row in report.agreement] == ["bob"]
    assert report.agreement[0].with_prediction is None
    assert report.warnings == []


def test_the_page_says_that_nothing_arrived() -> None:
    empty = LabelsReport(
        accepted=[], resolved=[], refused=[], skipped=[], warnings=[], agreement=[]
    )
    page = labels_page("people", 1, empty)
    assert "0 accepted, 0 refused, 0 skipped" in page
    assert "<table" not in page


def test_the_page_escapes_every_name_and_reason() -> None:
    bad = "<script>alert('&')</script>"
    label = {"image_id": bad, "annotator": bad}
    page = labels_page(
        bad,
        1,
        LabelsReport.model_validate(
            {
                "accepted": [label | {"file": bad}],
                "resolved": [label | {"agreement": 0.5}],
                "refused": [{"name": bad, "reason": bad}],
                "skipped": [label | {"why": bad}],
                "warnings": [label | {"reason": bad}],
                "agreement": [
                    {"annotator": bad, "images": 1, "with_others": 0.25, "with_prediction": None}
                ],
            }
        ),
    )
    assert "<script" not in page
    # The title, the heading, and the cells of six tables.
    assert page.count("&lt;script&gt;alert(&#39;&amp;&#39;)&lt;/script&gt;") == 1 + 1 + 14
    assert "25.0" in page


@pytest.mark.parametrize(
    ("labels", "needed", "plan"),
    [(0, 1, Plan.NOTHING), (1, 2, Plan.NOTHING), (2, 2, Plan.TRAIN), (3, 4, Plan.ASK)],
)
def test_a_cycle_trains_from_min_new_labels_on(
    tmp_path: Path, labels: int, needed: int, plan: Plan
) -> None:
    ledger = campaign(str(tmp_path / "root"), [A, B, C])
    records = index(tmp_path / "records", [A, B, C])
    for image_id in (A, B, C)[:labels]:
        ledger.storage.write(f"inbox/{png_mask.file_name(image_id)}", mask(1, 2))
    settings = FeedbackSettings(min_new_labels=needed)
    ingest_inbox(ledger, records, settings, None)
    assert decide(ledger.state(), settings) is plan


def test_status_says_what_is_waited_for_where_and_how_to_go_on(tmp_path: Path) -> None:
    ledger = asked(tmp_path / "root")
    ledger.storage.write("inbox/x.json", b"[]")
    recipe = tmp_path / "people.yaml"
    recipe.write_text("name: people\nfeedback: {min_new_labels: 2}\n")
    where = [str(recipe), "--root", str(tmp_path / "root")]
    found = CliRunner().invoke(main, ["status", *where, "--json"])
    waiting = json.loads(found.output)["waiting"]
    assert waiting == {
        "images": [A, B, C],
        "regions": None,
        "where": "queries/1",
        "folders": ["queries/1"],
        "inbox": 1,
        "new_labels": 0,
        "min_new_labels": 2,
    }
    words = CliRunner().invoke(main, ["status", *where]).output
    assert "Waiting for labels of 3 images." in words
    assert f"{tmp_path}/root/queries/1" in words
    assert f"streetloop feedback add {' '.join(where)} FILE" in words
    assert f"1 file in {tmp_path}/root/inbox" in words


def test_too_few_new_labels_are_reported_with_the_number_that_a_cycle_needs(
    tmp_path: Path,
) -> None:
    ledger = campaign(str(tmp_path / "root"), [A])
    ledger.storage.write(f"inbox/{png_mask.file_name(A)}", mask(1, 2))
    ingest_inbox(ledger, index(tmp_path / "records", [A]), FeedbackSettings(), None)
    recipe = Recipe.model_validate({"name": "people", "feedback": {"min_new_labels": 4}})
    (line,) = waiting_words(read_status(recipe, ledger.storage), "x.yaml")
    assert "1 new label so far" in line
    assert "from 4 on" in line


def test_feedback_add_rejects_what_the_inbox_would_never_ingest(tmp_path: Path) -> None:
    (tmp_path / "people.yaml").write_text("name: people\n")
    good = tmp_path / "good.png"
    good.write_bytes(png_mask.write(painted(1)))
    (tmp_path / "half.json.part").write_bytes(b"[")
    create_campaign(open_storage(str(tmp_path / "root")), "people", {"name": "people"}, {})
    where = [str(tmp_path / "people.yaml"), "--root", str(tmp_path / "root"), str(good)]
    for extra, told in (
        ([str(tmp_path / "half.json.part")], "Rename"),
        ([str(tmp_path)], "not folders"),
        (["--annotator", "../eve"], "annotator's name"),
    ):
        done = CliRunner().invoke(main, ["feedback", "add", *where, *extra])
        assert done.exit_code == 2
        assert told in done.output
    assert open_storage(str(tmp_path / "root")).list("inbox") == []


def test_the_list_marks_what_was_labeled_after_it_was_rejected(tmp_path: Path) -> None:
    recipe = tmp_path / "people.yaml"
    recipe.write_text("name: people\n")
    ledger = campaign(str(tmp_path / "root"), [A, B, C])
    records = index(tmp_path / "records", [A, B, C])
    rounds: list[dict[str, bytes]] = [
        # Of B, this correction comes too late to count: it is what was rejected last.
        {png_mask.file_name(B): mask(1, 2)},
        {png_mask.file_name(A): mask(255), png_mask.file_name(B): mask(255), "no.txt": b"hello"},
        {"c.json": export((C, "bob", "01", (255,)))},
        {png_mask.file_name(A): mask(1, 2), png_mask.file_name(C): mask(1, 2)},
    ]
    for files in rounds:
        for name, data in files.items():
            ledger.storage.write(f"inbox/{name}", data)
        ingest_inbox(ledger, records, FeedbackSettings(), None)
    where = ["--root", str(tmp_path / "root")]
    lines = CliRunner().invoke(main, ["feedback", "list", str(recipe), *where]).output.splitlines()
    rows = [line for line in lines if line.startswith("    ")]
    assert len(rows) == 4
    assert {i for i in (A, B, C) for row in rows if i in row and "labeled since" in row} == {A, C}


def test_the_command_writes_to_a_bucket_and_lists_what_was_refused(
    gcs_root: str, tmp_path: Path
) -> None:
    recipe = tmp_path / "people.yaml"
    recipe.write_text("name: people\n")
    ledger = campaign(gcs_root, [A])
    for name, data in ((png_mask.file_name(A), mask(1, 2)), ("no.txt", b"hello")):
        (tmp_path / name).write_bytes(data)
        command = ["feedback", "add", str(recipe), "--root", gcs_root, str(tmp_path / name)]
        done = CliRunner().invoke(main, [*command, "--annotator", "ann"])
        assert done.exit_code == 0, done.output
    ingest_inbox(ledger, index(tmp_path / "records", [A]), FeedbackSettings(), None)
    assert ledger.state().labels[A][-1].annotator == "ann"
    listed = CliRunner().invoke(main, ["feedback", "list", str(recipe), "--root", gcs_root]).output
    assert "/inbox: 0 files." in listed
    assert "@ann/no.txt" in listed
    assert "format of this file is unknown" in listed
