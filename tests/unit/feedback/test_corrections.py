"""A label that corrects another one counts, whatever its file is called and whoever made the first."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from components.contracts.annotation import png_mask
from components.contracts.annotation.fields import DATA_SET
from components.contracts.data.records import Records
from components.contracts.ledger.events import Label, LabelsAccepted
from components.contracts.ledger.inbox import put
from components.contracts.ledger.labels import read_label, store_label
from components.contracts.ledger.ledger import Ledger
from components.contracts.recipe.feedback import FeedbackSettings
from components.feedback.inbox import ingest_inbox
from tests.support.ingest_worker import campaign, export, index, mask, painted

A = "a_0_1"


@pytest.fixture
def records(memory: Path) -> Records:
    return index(memory / "records", [A])


@pytest.fixture
def ledger(memory: Path) -> Ledger:
    return campaign(str(memory / "root"), [A])


def counting(ledger: Ledger) -> tuple[list[int], str]:
    """The first two pixels of the label map that counts, and whose it is."""
    version = ledger.state().labels[A][-1]
    return read_label(ledger.storage, A, version.sha256)[0, :2].tolist(), version.annotator


def test_of_two_undated_files_the_one_that_arrived_last_counts(
    ledger: Ledger, records: Records
) -> None:
    name = png_mask.file_name(A)
    put(ledger.storage, name, mask(1, 2), "ann")
    time.sleep(0.02)  # the kernel's clock is a coarse one
    # Into a folder named by its hash, which sorts before the name.
    corrected = put(ledger.storage, name, mask(3, 4), "ann")
    assert corrected < f"inbox/@ann/{name}"
    ingest_inbox(ledger, records, FeedbackSettings(), None)
    assert counting(ledger) == ([3, 4], "ann")
    assert len(ledger.state().labels[A]) == 2


@pytest.mark.parametrize("policy", ["latest", "consensus"])
def test_a_person_replaces_the_mask_of_the_data_set(
    ledger: Ledger, records: Records, policy: str
) -> None:
    settings = FeedbackSettings.model_validate({"policy": policy})
    own = Label(
        image_id=A, sha256=store_label(ledger.storage, A, painted(1, 2)), annotator=DATA_SET
    )
    digest = "0" * 64
    accepted = LabelsAccepted(file_sha256=digest, file_name=DATA_SET, labels=[own], refused=[])
    ledger.commit("labels_accepted", f"labels/{digest}", accepted)
    put(ledger.storage, "x.json", export((A, "ann", "01", (3, 2))))  # dated before that event
    ingest_inbox(ledger, records, settings, None)
    assert counting(ledger) == ([3, 2], "ann")
    put(ledger.storage, "y.json", export((A, "bob", "02", (3, 4))))
    ingest_inbox(ledger, records, settings, None)
    joint = ([3, 255], "consensus of ann, bob")
    assert counting(ledger) == (joint if policy == "consensus" else ([3, 4], "bob"))
