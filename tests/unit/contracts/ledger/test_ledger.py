"""The ledger's commit protocol, state and verification, on a folder and on a storage server."""

from __future__ import annotations

import hashlib
import json
import sys
from collections import Counter
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from components.contracts.ledger.campaign import (
    ProtectedValueError,
    change_recipe,
    create_campaign,
    discard_campaign,
)
from components.contracts.ledger.events import LedgerError
from components.contracts.ledger.fold import fold
from components.contracts.ledger.layout import event_name, label_blob
from components.contracts.ledger.lease import close_cycle, open_cycle
from components.contracts.ledger.ledger import Ledger
from components.contracts.ledger.rules import StaleLeaseError
from components.contracts.ledger.state import State
from components.contracts.storage.base import Storage
from components.contracts.storage.folder import FolderStorage
from tests.support.waiting import finished

WORKER = Path(__file__).parents[3] / "support" / "ledger_worker.py"
SHA = "a" * 64
OTHER = "b" * 64
HASH_OF_G = hashlib.sha256(b"g").hexdigest()


def run_worker(*arguments: object) -> str:
    """The output of the worker program, which must end well."""
    command = [sys.executable, str(WORKER), *map(str, arguments)]
    done = finished(command)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture
def ledger(storage: Storage) -> Ledger:
    return create_campaign(storage, "test", {"train": {"epochs": 1}, "seed": 3}, {"seed": 3})


def labels(image_id: str, sha256: str = SHA, annotator: str = "ann") -> dict:
    label = {"image_id": image_id, "sha256": sha256, "annotator": annotator}
    return {"file_sha256": SHA, "file_name": "f.json", "labels": [label], "refused": []}


def query(cycle: int, *image_ids: str) -> dict:
    items = [{"image_id": i, "score": 0.5, "reason": "entropy", "cost": 1.0} for i in image_ids]
    return {"cycle": cycle, "strategy": "entropy", "model": None, "items": items}


def test_a_fresh_reader_sees_the_same_state(ledger: Ledger) -> None:
    lease = open_cycle(ledger, "run-1", 60)
    ledger.commit("labels_accepted", "labels/1", labels("a"), fence=lease.fence)
    ledger.commit("query", "query/1", query(1, "b"), fence=lease.fence)
    other = Ledger(ledger.storage)
    assert other.state() == ledger.state() == fold(other.events())
    assert sorted(other.state().labels) == ["a"]
    ledger.commit("labels_accepted", "labels/2", labels("c"))
    assert sorted(other.state().labels) == ["a", "c"]
    assert sorted(other.state_at(2).labels) == ["a"]
    with pytest.raises(LedgerError, match="version from 0 to 4"):
        other.state_at(5)


def test_the_same_key_is_committed_once(ledger: Ledger) -> None:
    first = ledger.commit("labels_accepted", "labels/1", labels("a"))
    again = Ledger(ledger.storage).commit("labels_accepted", "labels/1", labels("b"))
    assert again == first
    assert sorted(ledger.state().labels) == ["a"]
    assert len(ledger.events()) == 2


def test_a_commit_checks_the_very_state_that_it_follows(ledger: Ledger) -> None:
    rival = Ledger(ledger.storage)
    seen: list[int] = []

    def check(state: State) -> None:
        if not seen:
            rival.commit("labels_accepted", "labels/rival", labels("a"))
        seen.append(state.version)
        if "a" in state.labels:
            raise LedgerError("a has a label by now")

    with pytest.raises(LedgerError, match="by now"):
        ledger.commit("labels_accepted", "labels/mine", labels("a", OTHER), check=check)
    assert seen == [0, 1]
    assert [v.sha256 for v in ledger.state().labels["a"]] == [SHA]


def test_a_payload_may_depend_on_the_state(ledger: Ledger) -> None:
    lease = open_cycle(ledger, "run-1", 60)
    event = ledger.commit(
        "query", "query/1", lambda state: query(1, f"v{state.version}"), fence=lease.fence
    )
    assert [item.image_id for item in event.payload.items] == ["v1"]


def test_a_stale_holder_that_wakes_up_is_refused(ledger: Ledger) -> None:
    old = open_cycle(ledger, "run-1", 60)
    open_cycle(ledger, "run-2", 60, take_over=True)
    sleeper = Ledger(ledger.storage)
    for kind, key, payload in [
        ("labels_accepted", "labels/late", labels("a")),
        ("query", "query/1", query(1, "a")),
        ("promotion", "promote/1", {"cycle": 1, "model": SHA, "metrics": {}, "reasons": []}),
    ]:
        with pytest.raises(StaleLeaseError, match="run-2"):
            sleeper.commit(kind, key, payload, fence=old.fence)
    assert sorted(ledger.state().labels) == []
    assert ledger.state().champion is None


def test_a_cycles_events_need_its_fence_and_its_number(ledger: Ledger) -> None:
    lease = open_cycle(ledger, "run-1", 60)
    with pytest.raises(LedgerError, match="needs the fencing number"):
        ledger.commit("query", "query/1", query(1, "a"))
    with pytest.raises(LedgerError, match="open cycle 1, got 2"):
        ledger.commit("query", "query/2", query(2, "a"), fence=lease.fence)


@pytest.mark.parametrize(
    ("kind", "payload", "told"),
    [
        ("labels_accepted", labels("../etc"), "image_id"),
        ("labels_accepted", labels("a", "short"), "sha256"),
        ("labels_accepted", {**labels("a"), "extra": 1}, "extra"),
        ("query", query(0, "a"), "cycle"),
        ("seed", {"image_ids": "a"}, "image_ids"),
        ("task_skipped", {"image_id": "a", "annotator": 1, "why": ""}, "annotator"),
        ("invented", {}, "Unknown event kind"),
        ("rollback", {"model": SHA, "why": ""}, "champion before"),
        ("recipe_changed", {"recipe": {"x": float("nan")}, "changed": {}}, "plain JSON"),
        ("recipe_changed", {"recipe": {"x": object()}, "changed": {}}, "plain JSON"),
    ],
)
def test_a_wrong_event_is_refused_in_words(
    tmp_path: Path, kind: str, payload: dict, told: str
) -> None:
    ledger = create_campaign(FolderStorage(tmp_path), "test", {}, {})
    with pytest.raises(LedgerError, match=told):
        ledger.commit(kind, "key", payload)
    assert len(ledger.events()) == 1


def test_nothing_is_committed_before_the_campaign(storage: Storage) -> None:
    with pytest.raises(LedgerError, match="No campaign here yet"):
        Ledger(storage).commit("labels_accepted", "labels/1", labels("a"))


def test_outstanding_is_what_was_asked_and_neither_answered_nor_skipped(tmp_path: Path) -> None:
    ledger = create_campaign(FolderStorage(tmp_path), "test", {}, {})
    ledger.commit("labels_accepted", "labels/0", labels("known"))
    ledger.commit("seed", "seed", {"image_ids": ["known", "s1", "s2"]})
    lease = open_cycle(ledger, "run-1", 60)
    ledger.commit("query", "query/1", query(1, "q1", "q2", "q3"), fence=lease.fence)
    ledger.commit("labels_accepted", "labels/1", labels("s1"))
    skip = {"image_id": "q1", "annotator": "ann", "why": "too dark"}
    ledger.commit("task_skipped", "skip/q1", skip)
    assert sorted(ledger.state().outstanding) == ["q2", "q3", "s2"]
    assert sorted(ledger.state().skipped) == ["q1"]
    assert ledger.state().outstanding["s2"].score is None
    ledger.commit("labels_accepted", "labels/2", labels("q1"))
    assert ledger.state().skipped == {}


def test_every_label_version_stays_reachable(tmp_path: Path) -> None:
    ledger = create_campaign(FolderStorage(tmp_path), "test", {}, {})
    for number, sha256 in enumerate([SHA, SHA, OTHER, SHA]):
        ledger.commit("labels_accepted", f"labels/{number}", labels("a", sha256))
    assert [(v.sha256, v.number) for v in ledger.state().labels["a"]] == [
        (SHA, 1),
        (OTHER, 3),
        (SHA, 4),
    ]
    assert ledger.state_at(3).labels["a"][-1].blob == label_blob("a", OTHER)


def test_rollback_makes_an_earlier_champion_the_champion(tmp_path: Path) -> None:
    ledger = create_campaign(FolderStorage(tmp_path), "test", {}, {})
    for cycle, model in ((1, SHA), (2, OTHER)):
        lease = open_cycle(ledger, f"run-{cycle}", 60)
        promotion = {"cycle": cycle, "model": model, "metrics": {"miou": cycle}, "reasons": []}
        ledger.commit("promotion", f"promote/{cycle}", promotion, fence=lease.fence)
        close_cycle(ledger, cycle, lease.fence, "done", None, {})
    ledger.commit("rollback", "rollback/1", {"model": SHA, "why": "night scenes"})
    champion = ledger.state().champion
    assert champion is not None
    assert (champion.model, champion.cycle, champion.metrics) == (SHA, 1, {"miou": 1})
    assert [c.model for c in ledger.state().champions] == [SHA, OTHER, SHA]


def test_tracking_ids_may_come_late(tmp_path: Path) -> None:
    ledger = create_campaign(FolderStorage(tmp_path), "test", {}, {})
    lease = open_cycle(ledger, "run-1", 60)
    close_cycle(ledger, 1, lease.fence, "waiting", None, {})
    ledger.commit(
        "tracking", "tracking/1", {"campaign_run_id": "c", "cycle": 1, "cycle_run_id": "r"}
    )
    assert ledger.state().campaign_run_id == "c"
    assert ledger.state().cycles[1].run_id == "r"
    with pytest.raises(LedgerError, match="known cycle"):
        ledger.commit("tracking", "tracking/2", {"cycle": 2, "cycle_run_id": "r"})


def test_applying_an_event_leaves_the_state_before_it_alone(tmp_path: Path) -> None:
    ledger = create_campaign(FolderStorage(tmp_path), "test", {}, {})
    before = ledger.state()
    event = ledger.commit("labels_accepted", "labels/1", labels("a"))
    assert fold([event], before) == ledger.state()
    assert before.labels == {}
    assert before.version == 0


def test_a_campaign_is_created_once_and_its_protected_values_stay(ledger: Ledger) -> None:
    again = create_campaign(ledger.storage, "test", {"train": {"epochs": 9}}, {"seed": 3})
    assert again.state().recipe["train"]["epochs"] == 1
    ledger.commit("seed", "seed", {"image_ids": ["a"]})
    with pytest.raises(ProtectedValueError, match=r"seed may not change.* 3, got 4"):
        create_campaign(ledger.storage, "test", {}, {"seed": 4})
    with pytest.raises(ProtectedValueError, match="seed"):
        change_recipe(ledger, {}, {"seed": 4})
    assert change_recipe(ledger, {"train": {"epochs": 1}, "seed": 3}, {"seed": 3}) is None
    for epochs in (2, 1, 2):
        event = change_recipe(ledger, {"train": {"epochs": epochs}, "seed": 3}, {"seed": 3})
        assert event is not None
        assert event.payload.changed == {"train.epochs": [3 - epochs, epochs]}
    assert ledger.state().recipe["train"]["epochs"] == 2


def test_protected_values_may_change_until_somebody_is_asked(ledger: Ledger) -> None:
    for seed in (4, 5):
        event = change_recipe(ledger, {"name": "other", "seed": seed}, {"seed": seed})
        assert event is not None
        assert event.payload.changed["seed"] == [seed - 1, seed]
    state = Ledger(ledger.storage).state()
    assert (state.protected, state.name) == ({"seed": 5}, "other")
    ledger.commit("seed", "seed", {"image_ids": ["a"]})
    with pytest.raises(ProtectedValueError, match=r"seed may not change.* 5, got 6"):
        change_recipe(ledger, {"name": "other", "seed": 6}, {"seed": 6})


def test_a_run_without_the_lease_does_not_change_the_recipe(ledger: Ledger) -> None:
    stale = open_cycle(ledger, "first", 60)
    lease = open_cycle(ledger, "second", 60, take_over=True)
    with pytest.raises(StaleLeaseError):
        change_recipe(ledger, {"seed": 3, "x": 1}, {"seed": 3}, stale.fence)
    assert change_recipe(ledger, {"seed": 3, "x": 1}, {"seed": 3}, lease.fence) is not None


def test_a_discarded_campaign_leaves_the_inbox_and_what_is_not_its_own(ledger: Ledger) -> None:
    storage = ledger.storage
    kept = ["inbox/new.json", "leftImg8bit/train/a.png", "mlflow/mlflow.db", "note.txt"]
    written = ["labels/a/1.png", "models/m/model.json", "campaign.html", "records/1/index.json"]
    for name in (*kept, *written):
        storage.write(name, b"")
    discard_campaign(storage)
    assert sorted(storage.list()) == kept
    assert not Ledger(storage).state().created


@pytest.mark.parametrize("damage", ["change", "change last", "gap", "swap", "stranger"])
def test_tampering_with_events_is_found_and_stops_commits(tmp_path: Path, damage: str) -> None:
    storage = FolderStorage(tmp_path)
    ledger = create_campaign(storage, "test", {}, {})
    for number in range(1, 5):
        ledger.commit("labels_accepted", f"labels/{number}", labels(f"i{number}"))
        with suppress(FileExistsError):
            storage.create(label_blob(f"i{number}", SHA), b"")
    name = event_name(4 if damage == "change last" else 2)
    data = storage.read(name)
    if damage.startswith("change"):
        storage.write(name, data.replace(b'"ann"', b'"eve"'))
    elif damage == "gap":
        storage.delete(name)
    elif damage == "swap":
        body = json.loads(data)
        del body["sha256"]
        body["payload"]["labels"][0]["annotator"] = "eve"
        text = json.dumps(body, separators=(",", ":"))
        digest = hashlib.sha256(text.encode()).hexdigest()
        storage.write(name, f'{text[:-1]},"sha256":"{digest}"}}\n'.encode())
    else:
        storage.write("ledger/notes.txt", b"")
    problems = [p for p in Ledger(storage).verify() if p.startswith("ledger/")]
    assert len(problems) == 1
    expected = {"gap": event_name(2), "swap": event_name(3), "stranger": "ledger/notes.txt"}
    assert problems[0].startswith(expected.get(damage, name))
    with pytest.raises(LedgerError):
        Ledger(storage).commit("labels_accepted", "labels/new", labels("new"))


def store_model(storage: Storage, model: str) -> dict[str, Any]:
    """A model's files below its name; returns what model.json says."""
    contents = {"generator.keras": b"g", "discriminator.keras": b"d"}
    hashes = {name: hashlib.sha256(data).hexdigest() for name, data in contents.items()}
    described = {"model_id": model, "files": hashes}
    for name, data in [*contents.items(), ("model.json", json.dumps(described).encode())]:
        storage.write(f"models/{model}/{name}", data)
    return described


@pytest.mark.parametrize(
    ("change", "file", "words"),
    [
        ({"model_id": OTHER}, "model.json", "another model"),
        ({"model_id": None}, "model.json", "another model"),
        ({"files": {"generator.keras": HASH_OF_G}}, "discriminator.keras", "no hash"),
        ({"files": 3}, "model.json", "not a JSON object"),
    ],
)
def test_verify_finds_another_model_and_a_file_without_a_hash(
    storage: Storage, change: dict[str, Any], file: str, words: str
) -> None:
    ledger = create_campaign(storage, "test", {}, {})
    lease = open_cycle(ledger, "run-1", 60)
    promotion = {"cycle": 1, "model": SHA, "metrics": {}, "reasons": []}
    ledger.commit("promotion", "promote/1", promotion, fence=lease.fence)
    described = store_model(storage, SHA)
    storage.write(f"models/{SHA}/model.json", json.dumps(described | change).encode())
    (problem,) = ledger.verify()
    assert problem.startswith(f"models/{SHA}/{file}: ")
    assert words in problem


def test_verify_finds_changed_and_missing_blobs(storage: Storage) -> None:
    ledger = create_campaign(storage, "test", {}, {})
    lease = open_cycle(ledger, "run-1", 60)
    blobs = {i: hashlib.sha256(i.encode()).hexdigest() for i in "abc"}
    for image_id, sha256 in blobs.items():
        storage.create(label_blob(image_id, sha256), image_id.encode())
        payload = labels(image_id, sha256)
        ledger.commit("labels_accepted", f"labels/{sha256}", payload, fence=lease.fence)
    promotion = {"cycle": 1, "model": SHA, "metrics": {}, "reasons": []}
    ledger.commit("promotion", "promote/1", promotion, fence=lease.fence)
    store_model(storage, SHA)
    storage.write("cycles/1/report.json", b"{}")
    close_cycle(ledger, 1, lease.fence, "done", "cycles/1/report.json", {})
    assert ledger.verify() == []

    storage.write(label_blob("a", blobs["a"]), b"other")
    storage.delete(label_blob("b", blobs["b"]))
    storage.write(f"models/{SHA}/generator.keras", b"other")
    storage.delete(f"models/{SHA}/discriminator.keras")
    storage.delete("cycles/1/report.json")
    found = [problem.split(": ")[0] for problem in ledger.verify()]
    assert sorted(found) == sorted(
        [
            label_blob("a", blobs["a"]),
            label_blob("b", blobs["b"]),
            f"models/{SHA}/generator.keras",
            f"models/{SHA}/discriminator.keras",
            "cycles/1/report.json",
        ]
    )


def test_eight_processes_lose_and_double_nothing(storage: Storage) -> None:
    create_campaign(storage, "test", {}, {})
    codes = json.loads(run_worker("commit", storage.uri, 8, 8, 4))
    assert codes == [0] * 8
    ledger = Ledger(storage)
    accepted = Counter(
        label.image_id for event in ledger.events()[1:] for label in event.payload.labels
    )
    expected = {f"shared-{i}" for i in range(4)}
    expected |= {f"own-{worker}-{i}" for worker in range(8) for i in range(4)}
    assert set(accepted) == expected
    assert set(accepted.values()) == {1}
    assert ledger.verify() == []
