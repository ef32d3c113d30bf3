"""A campaign may start from the masks that its data set already has."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
from click.testing import CliRunner
from pydantic import ValidationError

from components.contracts.annotation.fields import DATA_SET
from components.contracts.data.records import Records
from components.contracts.ledger.campaign import create_campaign
from components.contracts.ledger.labels import read_label
from components.contracts.ledger.ledger import Ledger
from components.contracts.recipe.data import DataSettings, SplitSettings
from components.contracts.recipe.feedback import FeedbackSettings
from components.contracts.step.plan import Plan
from components.contracts.storage.open import open_storage
from components.feedback.existing import ingest_existing
from components.feedback.page import labels_page
from components.feedback.report import build
from components.feedback.step import decide
from components.preprocess.build import divide, write_records
from pipelines.cli import main
from tests.support.tiny_source import mask_of, write_item
from tfds_cityscapes.labels import to_train_ids
from tfds_cityscapes.source import Source, open_source

IDS = [f"aa_000000_{frame:06d}" for frame in range(4)]
SETTINGS = FeedbackSettings(existing=True)


@pytest.fixture
def ledger(tmp_path: Path) -> Ledger:
    return create_campaign(open_storage(str(tmp_path / "root")), "street", {}, {})


def written(tmp_path: Path, *masked: str) -> tuple[Source, Records]:
    for image_id in IDS:
        write_item(tmp_path / "data", image_id, mask=image_id in masked)
    write_item(tmp_path / "data", "bb_000000_000000", split="val")
    source = open_source(tmp_path / "data")
    division = divide(source, DataSettings(), SplitSettings(dev_fraction=0), seed=0)
    return source, write_records(division, tmp_path / f"records{len(masked)}").records


def test_masks_of_the_pool_become_labels_and_the_rest_stays_unlabeled(
    ledger: Ledger, tmp_path: Path
) -> None:
    source, records = written(tmp_path, *IDS[:2])
    for _ in range(2):  # a retried step finds them ingested
        ingest_existing(ledger, source, records, SETTINGS, None)
    state = ledger.state()
    assert list(state.current_labels) == IDS[:2]
    assert [e.kind for e in ledger.events()].count("labels_accepted") == 1
    for image_id, version in state.current_labels.items():
        assert version.annotator == DATA_SET
        expected = to_train_ids(mask_of(sum(image_id.encode()), (40, 56)))
        np.testing.assert_array_equal(
            read_label(ledger.storage, image_id, version.sha256), expected
        )
    assert decide(state, SETTINGS) is Plan.TRAIN


def test_masks_that_are_added_later_are_ingested_and_labels_of_people_are_kept(
    ledger: Ledger, tmp_path: Path
) -> None:
    source, records = written(tmp_path, IDS[0])
    ingest_existing(ledger, source, records, SETTINGS, None)
    label = {"image_id": IDS[1], "sha256": "0" * 64, "annotator": "ann"}
    ledger.commit(
        "labels_accepted",
        "labels/x",
        {"file_sha256": "1" * 64, "file_name": "x.png", "labels": [label], "refused": []},
    )
    source, records = written(tmp_path, *IDS[:3])
    ingest_existing(ledger, source, records, SETTINGS, None)
    labels = ledger.state().current_labels
    assert {i: v.annotator for i, v in labels.items()} == {
        IDS[0]: DATA_SET,
        IDS[1]: "ann",
        IDS[2]: DATA_SET,
    }


def test_a_mask_that_cannot_be_used_is_rejected_alone(ledger: Ledger, tmp_path: Path) -> None:
    source, records = written(tmp_path, *IDS[:3])
    folder = tmp_path / "data" / "gtFine" / "train" / "aa"
    broken, empty = (folder / f"{i}_gtFine_labelIds.png" for i in IDS[:2])
    broken.write_bytes(b"\x89PNG\r\n\x1a\nbroken")
    empty.write_bytes(cv2.imencode(".png", np.zeros((40, 56), np.uint8))[1].tobytes())
    for _ in range(2):
        ingest_existing(ledger, source, records, SETTINGS, None)
    assert list(ledger.state().labels) == [IDS[2]]
    refused = [
        one for e in ledger.events() if e.kind == "labels_accepted" for one in e.payload.refused
    ]
    assert {Path(one.name).name for one in refused} == {broken.name, empty.name}
    assert any("No pixel has a class" in one.reason for one in refused)
    assert not any(Path(one.name).name in one.reason for one in refused)  # it is said once


def test_the_page_and_the_list_say_where_to_correct_a_mask_of_the_data_set(
    ledger: Ledger, tmp_path: Path
) -> None:
    source, records = written(tmp_path, *IDS[:3])
    folder = tmp_path / "data" / "gtFine" / "train" / "aa"
    first, second = (folder / f"{i}_gtFine_labelIds.png" for i in IDS[:2])
    right = second.read_bytes()
    for path in (first, second):
        path.write_bytes(cv2.imencode(".png", np.zeros((40, 56), np.uint8))[1].tobytes())
    ingest_existing(ledger, source, records, SETTINGS, None)
    page = labels_page("street", 1, build(ledger, 0, SETTINGS))
    assert "Correct the masks in the data set" in page
    assert "rejected/" not in page

    def listed() -> list[str]:
        recipe = tmp_path / "street.yaml"
        recipe.write_text("name: street\n")
        where = ["--root", str(tmp_path / "root")]
        output = CliRunner().invoke(main, ["feedback", "list", str(recipe), *where]).output
        return output.partition("in part: 0 files.\n")[2].splitlines()

    head, *rows = listed()
    assert head.startswith("Rejected of the data set: 2 masks.")
    assert [row.partition(": ")[0].strip() for row in rows] == [
        f"gtFine/train/aa/{path.name}" for path in (first, second)
    ]
    second.write_bytes(right)
    ingest_existing(ledger, source, records, SETTINGS, None)
    assert ["labeled since" in row for row in listed()[1:]] == [False, True]


def test_nothing_happens_without_masks(ledger: Ledger, tmp_path: Path) -> None:
    source, records = written(tmp_path)
    ingest_existing(ledger, source, records, SETTINGS, None)
    assert [event.kind for event in ledger.events()] == ["campaign_created"]


def test_an_oracle_and_existing_labels_exclude_each_other() -> None:
    with pytest.raises(ValidationError, match=r"set split\.initial instead"):
        FeedbackSettings(oracle=True, existing=True)
