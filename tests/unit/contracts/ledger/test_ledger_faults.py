"""The ledger when storage fails: kills, lost answers, overload, a full disk."""

from __future__ import annotations

import json
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from components.contracts.ledger.campaign import create_campaign
from components.contracts.ledger.ledger import Ledger
from components.contracts.storage.base import Storage
from components.contracts.storage.errors import StorageError
from components.contracts.storage.open import open_storage
from tests.support.buckets import Service, open_with
from tests.support.fault_proxy import FAULTS, FaultProxy, fault_proxy
from tests.support.waiting import finished

WORKER = Path(__file__).parents[3] / "support" / "ledger_worker.py"


def worker(*arguments: object) -> object:
    command = [sys.executable, str(WORKER), *map(str, arguments)]
    done = finished(command)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def skip(image_id: str) -> dict[str, str]:
    return {"image_id": image_id, "annotator": "ann", "why": "test"}


def test_a_kill_around_any_durable_change_changes_nothing_after_a_rerun(
    memory: Path,
) -> None:
    found = worker("kill", memory)
    assert isinstance(found, dict)
    assert found["wrong"] == []
    assert found["points"] >= 60
    reference = found["reference"]
    assert reference["problems"] == []
    assert [cycle[:2] for cycle in reference["cycles"]] == [[1, "done"], [2, "done"]]
    assert not [name for name in reference["files"] if name.startswith("work/")]


@pytest.fixture
def proxied(service: Service) -> Iterator[tuple[FaultProxy, Storage]]:
    """A bucket behind a proxy that deals faults when told, of each service."""
    with fault_proxy(service.url, silence_s=1.0) as proxy, service.pointed_at(proxy.url):
        yield (
            proxy,
            open_with(service.root, request_timeout_s=0.5, deadline_s=20.0, first_delay_s=0.01),
        )


@pytest.mark.parametrize("fault", FAULTS)
def test_every_operation_survives_each_fault(
    proxied: tuple[FaultProxy, Storage], fault: str, tmp_path: Path
) -> None:
    proxy, storage = proxied
    local = tmp_path / "local"
    local.write_bytes(b"file")

    def meets(faults: list[str]) -> None:
        proxy.script.extend(faults)

    meets([fault])
    storage.write("w", b"w")
    meets([fault])
    assert storage.read("w") == b"w"
    meets([fault])
    assert storage.exists("w")
    meets([fault])
    storage.put_file(local, "f")
    meets([fault])
    storage.get_file("f", tmp_path / "out")
    assert (tmp_path / "out").read_bytes() == b"file"
    meets([fault])
    assert storage.list() == ["f", "w"]
    meets([fault])
    storage.delete("w")
    assert storage.list() == ["f"]
    meets([fault])
    storage.check_usable()
    assert proxy.counts == {fault: 8}
    assert proxy.script == []


def test_a_create_that_was_stored_but_answered_503_says_it_exists(
    proxied: tuple[FaultProxy, Storage],
) -> None:
    proxy, storage = proxied
    proxy.script.append("stored")
    with pytest.raises(FileExistsError):
        storage.create("a", b"mine")
    assert storage.read("a") == b"mine"


@pytest.mark.parametrize("fault", FAULTS)
def test_a_commit_survives_each_fault_and_is_there_once(
    proxied: tuple[FaultProxy, Storage], fault: str
) -> None:
    proxy, storage = proxied
    ledger = create_campaign(storage, "test", {}, {})
    # Of a commit's two requests (is there a newer event? create it) the second meets the fault.
    proxy.script.extend([None, fault])
    event = ledger.commit("task_skipped", "skip/a", skip("a"))
    assert proxy.counts == {fault: 1}
    assert event.number == 1
    assert [e.event_id for e in Ledger(storage).events()][1:] == [event.event_id]


@pytest.mark.parametrize("fault", ["busy", "slow_down", "silent"])
def test_a_service_that_stays_down_is_given_up_in_time(service: Service, fault: str) -> None:
    with fault_proxy(service.url, silence_s=1.0) as proxy, service.pointed_at(proxy.url):
        proxy.script.extend([fault] * 1000)
        storage = open_with(service.root, request_timeout_s=0.5, deadline_s=1.0, first_delay_s=0.05)
        with pytest.raises(StorageError, match="run the same command again"):
            storage.create("a", b"")
        assert 1 < proxy.requests < 50  # of a thousand that would fail


@pytest.mark.parametrize(
    ("workers", "files", "shared"), [(4, 5, 2), pytest.param(8, 12, 4, marks=pytest.mark.faults)]
)
def test_processes_on_an_overloaded_service_lose_and_double_nothing(
    service: Service, workers: int, files: int, shared: int
) -> None:
    create_campaign(open_storage(service.root), "test", {}, {})
    with (
        fault_proxy(service.url, rate=0.2, seed=7, silence_s=1.5) as proxy,
        service.pointed_at(proxy.url),
    ):
        assert worker("commit", service.root, workers, files, shared) == [0] * workers
        print(f"{sum(proxy.counts.values())} faults in {proxy.requests} requests")
        assert sum(proxy.counts.values()) > 0.1 * proxy.requests
        assert set(proxy.counts) == set(FAULTS)
    ledger = Ledger(open_storage(service.root))
    accepted = Counter(
        label.image_id for event in ledger.events()[1:] for label in event.payload.labels
    )
    expected = {f"shared-{i}" for i in range(shared)}
    expected |= {f"own-{w}-{i}" for w in range(workers) for i in range(files - shared)}
    assert set(accepted) == expected
    assert set(accepted.values()) == {1}
    assert ledger.verify() == []


def test_a_full_disk_leaves_the_ledger_valid(small_disk: Path) -> None:
    storage: Storage = open_storage(str(small_disk / "root"))
    ledger = create_campaign(storage, "test", {}, {})
    ledger.commit("task_skipped", "skip/a", skip("a"))
    big = {"recipe": {"text": "x" * 2_000_000}, "changed": {}}
    with pytest.raises(StorageError, match=r"ledger/000002\.json: No space left"):
        ledger.commit("recipe_changed", "recipe/1", big)
    assert ledger.verify() == []
    assert Ledger(storage).state().version == 1
    assert ledger.commit("task_skipped", "skip/b", skip("b")).number == 2
    assert list((small_disk / "root" / ".streetloop" / "tmp").iterdir()) == []


def test_a_number_that_is_taken_but_unreadable_is_given_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ledger = create_campaign(open_storage(str(tmp_path)), "test", {}, {})

    def taken(name: str, data: bytes) -> None:
        raise FileExistsError(name)

    monkeypatch.setattr(ledger.storage, "create", taken)
    monkeypatch.setattr("components.contracts.ledger.ledger.UNREADABLE_S", 0.3)
    with pytest.raises(StorageError, match="exists but cannot be read"):
        ledger.commit("task_skipped", "skip/a", skip("a"))
