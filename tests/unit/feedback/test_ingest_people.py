"""Several annotators: whose label counts, what stays reachable, and kills and races in between."""

from __future__ import annotations

import json
import sys
import time
from itertools import permutations
from pathlib import Path

import numpy as np
import pytest

from components.contracts.annotation import cityscapes_polygons, png_mask
from components.contracts.data.records import Records
from components.contracts.ledger.labels import read_label
from components.contracts.ledger.ledger import Ledger
from components.contracts.recipe.feedback import FeedbackSettings
from components.contracts.storage import base as storage_module
from components.contracts.storage.base import Storage
from components.contracts.storage.open import open_storage
from components.feedback.inbox import ingest_inbox
from components.feedback.intake import Intake, ingest
from components.feedback.report import build
from tests.support.ingest_worker import campaign, export, index, mask, painted
from tests.support.waiting import finished

A, B, C = "a_0_1", "a_0_2", "a_0_3"
LATEST = FeedbackSettings()
CONSENSUS = FeedbackSettings(policy="consensus")
WORKER = Path(__file__).parents[2] / "support" / "ingest_worker.py"


@pytest.fixture
def records(memory: Path) -> Records:
    return index(memory / "records", [A, B, C])


@pytest.fixture
def ledger(memory: Path) -> Ledger:
    return campaign(str(memory / "root"), [A, B])


def take(ledger: Ledger, records: Records, settings: FeedbackSettings, **files: bytes) -> None:
    """One cycle's ingestion of these files; `x_json` is the file x.json."""
    for name, data in files.items():
        ledger.storage.write(f"inbox/{name.replace('_json', '.json')}", data)
    ingest_inbox(ledger, records, settings, None)
    assert ledger.storage.list("inbox") == []


def current(ledger: Ledger, image_id: str = A) -> tuple[list[int], str]:
    """The first two pixels of the label map that counts, and whose it is."""
    version = ledger.state().labels[image_id][-1]
    return read_label(ledger.storage, image_id, version.sha256)[0, :2].tolist(), version.annotator


def test_latest_takes_the_last_change_from_any_file_and_cycle(
    memory: Path, records: Records
) -> None:
    exports = [export((A, "ann", "03", (1, 2)), (B, "ann", "01", (1, 2)))]
    exports.append(export((A, "bob", "02", (3, 4)), (B, "bob", "02", (3, 4))))
    for number, (one, other) in enumerate(permutations(exports)):
        together = campaign(str(memory / f"together-{number}"), [A, B])
        take(together, records, LATEST, x_json=one, y_json=other)
        apart = campaign(str(memory / f"apart-{number}"), [A, B])
        take(apart, records, LATEST, x_json=one)
        take(apart, records, LATEST, y_json=other)
        for ledger in (together, apart):
            assert current(ledger, A) == ([1, 2], "ann")
            assert current(ledger, B) == ([3, 4], "bob")
            assert {v.annotator for v in ledger.state().labels[A]} == {"ann", "bob"}


def test_consensus_joins_annotators_of_two_files_and_of_two_cycles(
    memory: Path, records: Records
) -> None:
    ann, bob = export((A, "ann", "01", (1, 2))), export((A, "bob", "02", (1, 4)))
    together = campaign(str(memory / "together"), [A])
    take(together, records, CONSENSUS, x_json=ann, y_json=bob)
    apart = campaign(str(memory / "apart"), [A])
    take(apart, records, CONSENSUS, x_json=ann)
    assert current(apart) == ([1, 2], "ann")
    take(apart, records, CONSENSUS, y_json=bob)
    for ledger in (together, apart):
        assert current(ledger) == ([1, 255], "consensus of ann, bob")
        versions = ledger.state().labels[A]
        assert [v.annotator for v in versions[:-1]] == ["ann", "bob"]
        assert np.array_equal(read_label(ledger.storage, A, versions[0].sha256), painted(1, 2))
        assert versions[-1].agreement == pytest.approx(1 / 3)  # of class 1 all, of 2 and 4 none
        assert ledger.verify() == []


def test_consensus_counts_only_the_latest_vote_of_a_person(
    ledger: Ledger, records: Records
) -> None:
    take(ledger, records, CONSENSUS, x_json=export((A, "ann", "01", (1, 2))))
    take(ledger, records, CONSENSUS, y_json=export((A, "bob", "02", (3, 4))))
    take(ledger, records, CONSENSUS, z_json=export((A, "ann", "03", (3, 2))))
    assert current(ledger) == ([3, 255], "consensus of ann, bob")
    take(ledger, records, CONSENSUS, z_json=export((A, "ann", "01", (5, 5))))  # an older one
    assert current(ledger) == ([3, 255], "consensus of ann, bob")
    assert len({v.sha256 for v in ledger.state().labels[A]}) == 6  # 4 maps, 2 consensus


def test_a_changed_policy_applies_at_the_next_ingestion(ledger: Ledger, records: Records) -> None:
    take(ledger, records, LATEST, x_json=export((A, "ann", "01", (1, 2)), (A, "bob", "02", (1, 4))))
    assert current(ledger) == ([1, 4], "bob")
    take(ledger, records, CONSENSUS)
    assert current(ledger) == ([1, 255], "consensus of ann, bob")
    take(ledger, records, LATEST)
    assert current(ledger) == ([1, 4], "bob")
    version = ledger.state().version
    take(ledger, records, LATEST)
    assert ledger.state().version == version


def test_ingest_adds_only_the_new_labels_of_an_export_that_repeats_earlier_ones(
    ledger: Ledger, records: Records
) -> None:
    first = (A, "ann", "01", (1, 2))
    take(ledger, records, LATEST, x_json=export(first))
    take(ledger, records, LATEST, y_json=export(first, (B, "ann", "02", (3, 4))))
    assert len(ledger.state().labels[A]) == 1
    assert [x.image_id for x in ledger.events()[-1].payload.labels] == [B]


def test_ingest_accepts_a_relabeled_image_and_rejects_an_unasked_one(
    ledger: Ledger, records: Records
) -> None:
    for train_ids in ((1, 2), (3, 4)):
        data = export((A, "ann", "", train_ids), (C, "ann", "", train_ids))
        take(ledger, records, LATEST, x_json=data)
    assert current(ledger) == ([3, 4], "ann")
    assert len(ledger.state().labels[A]) == 2
    assert sorted(ledger.state().labels) == [A]


def test_ingest_checks_a_rejected_file_again_when_it_is_handed_in_again(
    ledger: Ledger, records: Records
) -> None:
    data = export((A, "ann", "01", (1, 2)), (C, "ann", "01", (5, 5)))
    for _ in range(2):
        take(ledger, records, LATEST, x_json=data)
        assert sorted(ledger.state().labels) == [A]
        assert len(ledger.storage.list("rejected")) == 2
    version = ledger.state().version
    ledger.commit("seed", "seed/2", {"image_ids": [C]})
    take(ledger, records, LATEST, x_json=data)
    assert sorted(ledger.state().labels) == [A, C]
    assert ledger.storage.list("rejected") == []
    assert ledger.state().version == version + 2  # asked, and taken; nothing twice
    assert len(ledger.state().labels[A]) == 1


def test_a_skipped_task_leaves_the_queue_unless_somebody_labels_it(
    ledger: Ledger, records: Records
) -> None:
    data = export((A, "ann", "01", None), (B, "ann", "01", None), (B, "bob", "01", (1, 1)))
    take(ledger, records, LATEST, x_json=data)
    state = ledger.state()
    assert (sorted(state.labels), sorted(state.skipped), dict(state.outstanding)) == ([B], [A], {})
    assert state.skipped[A].why == "too dark"
    take(ledger, records, LATEST, y_json=export((A, "bob", "02", (1, 1))))
    assert sorted(ledger.state().labels) == [A, B]
    assert not ledger.state().skipped


def test_an_inbox_folder_names_the_annotator_if_the_format_does_not(
    ledger: Ledger, records: Records
) -> None:
    name = png_mask.file_name(A)
    for who, train_ids in (("ann", (1, 2)), ("bob", (1, 4)), ("eve", (1, 4))):
        ledger.storage.write(f"inbox/@{who}/{name}", mask(*train_ids))
    take(ledger, records, CONSENSUS)
    assert current(ledger) == ([1, 4], "consensus of ann, bob, eve")


def outcome(storage: Storage) -> dict[str, object]:
    """What a kill must not change."""
    ledger = Ledger(storage)
    state = ledger.state()
    return {
        "labels": {i: [(v.sha256, v.annotator) for v in vs] for i, vs in state.labels.items()},
        "skipped": sorted(state.skipped),
        "outstanding": sorted(state.outstanding),
        "keys": sorted(state.keys),
        "files": [n for n in storage.list() if not n.startswith("ledger/")],
        "report": build(ledger, 1, CONSENSUS),
        "problems": ledger.verify(),
    }


def test_ingest_of_several_people_ends_the_same_after_a_kill_at_any_durable_write(
    memory: Path, records: Records, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Killed(BaseException):
        """Like SIGKILL, nothing catches it."""

    def start(root: Path) -> Storage:
        ledger = campaign(str(root), [A, B, C])
        storage = ledger.storage
        storage.write("inbox/x.json", export((A, "ann", "01", (1, 2)), (B, "ann", "02", (1, 2))))
        storage.write("inbox/y.json", export((A, "bob", "02", (1, 4)), ("no", "bob", "01", (1, 1))))
        storage.write("inbox/z.json", export((C, "bob", "02", None), (B, "ann", "01", (7, 7))))
        storage.write(f"inbox/{png_mask.file_name(B)}", mask(1, 2))
        return storage

    whole = start(memory / "whole")
    ingest_inbox(Ledger(whole), records, CONSENSUS, None)
    expected = outcome(whole)
    assert expected["problems"] == []
    assert len(expected["labels"][A]) == 3  # type: ignore[index]
    kills = 0
    for at in range(1000):
        storage = start(memory / str(at))
        seen = 0

        def observer(phase: str, operation: str, name: str, at: int = at) -> None:
            nonlocal seen
            seen += 1
            if seen > at:
                raise Killed

        monkeypatch.setattr(storage_module, "observer", observer)
        try:
            ingest_inbox(Ledger(storage), records, CONSENSUS, None)
        except Killed:
            kills += 1
        monkeypatch.setattr(storage_module, "observer", None)
        again = open_storage(storage.uri)
        ingest_inbox(Ledger(again), records, CONSENSUS, None)
        assert outcome(again) == expected, at
        if seen <= at:
            break
    assert kills >= 30


def test_concurrent_processes_count_each_file_once(memory: Path) -> None:
    root, workers, files, shared = str(memory / "race"), 8, 50, 4
    names = [f"shared_{i}" for i in range(shared)]
    ledger = campaign(root, names)
    command = [sys.executable, str(WORKER), root, *map(str, (workers, files, shared))]
    done = finished(command)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == [0] * workers, done.stderr
    state = ledger.state()
    assert len(state.labels) == shared + workers * (files - shared)
    people = sorted(["unknown", *(f"ann{i}" for i in range(workers))])
    for image_id, versions in state.labels.items():
        own = [v.annotator for v in versions if not v.annotator.startswith("consensus")]
        assert sorted(own) == (people if image_id in names else ["unknown"])
    for image_id in names:
        # 3 by all; of the rest 5 by two (unknown and ann5), and no other by more than one.
        assert current(ledger, image_id) == ([3, 5], f"consensus of {', '.join(people)}")
    assert ledger.verify() == []


def labels_of(ledger: Ledger, image_id: str = A) -> list[list[int]]:
    """The first two pixels of each version."""
    versions = ledger.state().labels[image_id]
    return [read_label(ledger.storage, image_id, v.sha256)[0, :2].tolist() for v in versions]


def undated(file_name: str, *train_ids: int) -> bytes:
    """One hand-in of an image whose format has no date."""
    if file_name.endswith(".png"):
        return mask(*train_ids)
    if file_name.startswith("export"):
        return export((A, "ann", "", train_ids))
    return cityscapes_polygons.write(painted(*train_ids))


@pytest.mark.parametrize("name", [png_mask.file_name(A), f"{A}.json", "export.json"])
@pytest.mark.parametrize("settings", [LATEST, CONSENSUS])
def test_an_undated_label_counts_again_when_it_is_handed_in_again(
    ledger: Ledger, records: Records, name: str, settings: FeedbackSettings
) -> None:
    for train_ids in ((1, 2), (3, 4), (1, 2), (1, 2), (3, 4), (1, 2), (1, 2)):
        time.sleep(0.02)  # the kernel's clock, which says when a file came, is a coarse one
        take(ledger, records, settings, **{name: undated(name, *train_ids)})
        assert current(ledger)[0] == list(train_ids)
    assert labels_of(ledger) == [[1, 2], [3, 4], [1, 2], [3, 4], [1, 2]]
    assert len(ledger.events()) == 2 + 5
    assert ledger.verify() == []


def test_a_dated_export_that_is_handed_in_again_is_still_the_older_one(
    ledger: Ledger, records: Records
) -> None:
    old, new = export((A, "ann", "01", (1, 2))), export((A, "ann", "02", (3, 4)))
    for data in (old, new, old):
        time.sleep(0.02)
        take(ledger, records, LATEST, x_json=data)
    assert labels_of(ledger) == [[1, 2], [3, 4]]
    assert len(ledger.events()) == 2 + 2


def test_ingest_ignores_a_repeated_file_with_two_answers_of_one_person(
    ledger: Ledger, records: Records
) -> None:
    data = export((A, "ann", "", (1, 2)), (A, "ann", "", (3, 4)))
    for _ in range(3):
        take(ledger, records, LATEST, x_json=data)
        time.sleep(0.02)
    assert len(ledger.events()) == 2 + 1
    take(ledger, records, LATEST, y_json=data)
    assert labels_of(ledger) == [[1, 2], [3, 4]]


def test_a_file_left_in_the_inbox_by_a_kill_does_not_override_its_correction(
    ledger: Ledger, records: Records
) -> None:
    name = png_mask.file_name(A)
    ledger.storage.write(f"inbox/{name}", mask(1, 2))
    left = ledger.storage.stamp(f"inbox/{name}")
    time.sleep(0.02)
    take(ledger, records, LATEST, **{name: mask(1, 2)})
    take(ledger, records, LATEST, **{name: mask(3, 4)})
    for other in (ledger, Ledger(open_storage(ledger.storage.uri))):  # or a process that is slower
        intake = Intake(other, LATEST, records.entries, frozenset([A]), None)
        assert ingest(intake, name, mask(1, 2), left)
    assert labels_of(ledger) == [[1, 2], [3, 4]]
    # Handed in again: however many processes read it, at whatever time, it is one event.
    time.sleep(0.02)
    ledger.storage.write(f"inbox/{name}", mask(1, 2))
    again = ledger.storage.stamp(f"inbox/{name}")
    for _ in range(3):
        intake = Intake(Ledger(ledger.storage), LATEST, records.entries, frozenset([A]), None)
        assert ingest(intake, name, mask(1, 2), again)
    assert labels_of(ledger) == [[1, 2], [3, 4], [1, 2]]
    assert len(ledger.events()) == 2 + 3


def test_ingest_accepts_equal_polygons_of_two_images_as_two_labels(
    ledger: Ledger, records: Records
) -> None:
    data = cityscapes_polygons.write(painted(1, 2))
    take(ledger, records, LATEST, **{f"{A}.json": data, f"{B}.json": data})
    assert sorted(ledger.state().labels) == [A, B]


def test_ingest_accepts_an_equal_file_under_the_right_name(
    ledger: Ledger, records: Records
) -> None:
    for name in ("wrong", A):  # without an ending: what a file is says its content
        take(ledger, records, LATEST, **{name: cityscapes_polygons.write(painted(1, 2))})
    assert sorted(ledger.state().labels) == [A]


def test_ingest_adds_no_label_of_an_equal_export_under_another_name(
    ledger: Ledger, records: Records
) -> None:
    data = export((A, "ann", "01", (1, 2)), (B, "ann", "", (1, 2)))
    take(ledger, records, LATEST, x_json=data)
    take(ledger, records, LATEST, y_json=data)
    assert [len(v) for v in ledger.state().labels.values()] == [1, 1]
    assert ledger.events()[-1].payload.labels == []
