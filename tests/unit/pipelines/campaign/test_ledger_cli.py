"""`streetloop ledger` on a folder and on a storage server."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from components.contracts.ledger.campaign import create_campaign
from components.contracts.ledger.layout import CAMPAIGN_PAGE, event_name, label_blob
from components.contracts.ledger.lease import close_cycle, open_cycle
from components.contracts.ledger.ledger import Ledger
from components.contracts.storage.base import Storage
from components.cycle.campaign_page.write import write_campaign_page
from pipelines.cli import main

MODELS = ["1" * 64, "2" * 64]
MASK = b"a mask"


@pytest.fixture
def ledger(storage: Storage) -> Ledger:
    """Two cycles: a label and a rejection, a skipped task, two champions, another recipe."""
    ledger = create_campaign(storage, "people", {"seed": 3}, {"seed": 3})
    ledger.commit("seed", "seed", {"image_ids": ["a", "b", "c"]})
    sha256 = hashlib.sha256(MASK).hexdigest()
    storage.create(label_blob("a", sha256), MASK)
    label = {"image_id": "a", "sha256": sha256, "annotator": "ann"}
    refusal = {"name": "b", "reason": "Expected a mask."}
    payload = {"file_sha256": sha256, "file_name": "x.json", "labels": [label]}
    ledger.commit("labels_accepted", "labels/1", payload | {"refused": [refusal]})
    ledger.commit("task_skipped", "skip/b", {"image_id": "b", "annotator": "bob", "why": "dark"})
    for cycle, model in enumerate(MODELS, 1):
        lease = open_cycle(ledger, f"run-{cycle}", 60)
        files = dict.fromkeys(
            ("generator.keras", "discriminator.keras"), hashlib.sha256(b"k").hexdigest()
        )
        described = json.dumps({"model_id": model, "files": files}).encode()
        for name in (*files, "model.json"):
            storage.write(f"models/{model}/{name}", b"k" if name in files else described)
        promotion = {"cycle": cycle, "model": model, "metrics": {}, "reasons": ["Better."]}
        ledger.commit("promotion", f"promote/{cycle}", promotion, fence=lease.fence)
        close_cycle(ledger, cycle, lease.fence, "done", None, {})
    return ledger


def called(storage: Storage, tmp_path: Path, *words: str) -> Result:
    recipe = tmp_path / "people.yaml"
    recipe.write_text("name: people\n")
    name, *options = words
    command = ["ledger", name, str(recipe), "--root", storage.uri, *options]
    return CliRunner().invoke(main, command)


def test_log_prints_every_event_as_a_sentence(ledger: Ledger, tmp_path: Path) -> None:
    done = called(ledger.storage, tmp_path, "log")
    assert done.exit_code == 0, done.output
    lines = done.output.splitlines()
    assert len(lines) == len(ledger.events())
    for line, words in zip(
        lines,
        [
            "campaign people created",
            "3 images chosen to be labeled first",
            "1 label accepted from x.json, 1 rejected",
            "bob skipped b: dark",
            "cycle 1 opened by run-1",
            "model 111111111111 of cycle 1 is champion: Better.",
            "cycle 1 closed: done",
        ],
        strict=False,
    ):
        assert words in line


def test_show_prints_the_state_at_any_version(ledger: Ledger, tmp_path: Path) -> None:
    shown = [
        json.loads(called(ledger.storage, tmp_path, "show", "--version", str(v)).output)
        for v in range(len(ledger.events()))
    ]
    assert [row["version"] for row in shown] == list(range(len(shown)))
    assert [list(row["labeled"]) for row in shown[:4]] == [[], [], ["a"], ["a"]]
    assert [row["outstanding"] for row in shown[:4]] == [[], ["a", "b", "c"], ["b", "c"], ["c"]]
    assert [row["skipped"] for row in shown[2:4]] == [[], ["b"]]
    assert shown[4]["cycles"] == {"1": "open"}
    assert json.loads(called(ledger.storage, tmp_path, "show").output) == shown[-1]
    assert shown[-1]["champion"] == {"model": MODELS[1], "cycle": 2}
    beyond = called(ledger.storage, tmp_path, "show", "--version", "99")
    assert beyond.exit_code == 1
    assert f"version from 0 to {len(shown) - 1}, got 99" in beyond.output


@pytest.mark.parametrize("damage", ["blob", "no blob", "model", "gap", "event"])
def test_verify_names_what_is_damaged(ledger: Ledger, tmp_path: Path, damage: str) -> None:
    storage = ledger.storage
    sound = called(storage, tmp_path, "verify")
    assert sound.exit_code == 0, sound.output
    assert "10 events" in sound.output
    blob = label_blob("a", hashlib.sha256(MASK).hexdigest())
    name = {"model": f"models/{MODELS[0]}/generator.keras", "gap": event_name(2)}.get(damage, blob)
    if damage == "blob":
        storage.write(blob, b"another")
    elif damage == "event":
        name = event_name(2)
        storage.write(name, storage.read(name).replace(b'"ann"', b'"eve"'))
    else:
        storage.delete(name)
    found = called(storage, tmp_path, "verify")
    assert found.exit_code == 1
    assert name in found.output
    assert "Traceback" not in found.output


def test_rollback_adds_an_event(ledger: Ledger, tmp_path: Path) -> None:
    before = ledger.events()
    done = called(ledger.storage, tmp_path, "rollback", "--why", "worse at night")
    assert done.exit_code == 0, done.output
    assert "111111111111 again" in done.output
    assert ledger.events()[:-1] == before
    assert ledger.events()[-1].kind == "rollback"
    champion = ledger.state().champion
    assert champion is not None
    assert champion.model == MODELS[0]
    assert "worse at night" in called(ledger.storage, tmp_path, "log").output.splitlines()[-1]
    unknown = called(ledger.storage, tmp_path, "rollback", "--model", "ff")
    assert unknown.exit_code == 1
    assert "111111111111, 222222222222" in unknown.output
    assert len(ledger.events()) == len(before) + 1


def test_rollback_writes_the_page_of_the_campaign_again(ledger: Ledger, tmp_path: Path) -> None:
    write_campaign_page(ledger, ledger.storage)
    assert "champion: cycle 2" in ledger.storage.read(CAMPAIGN_PAGE).decode()
    done = called(ledger.storage, tmp_path, "rollback")
    assert done.exit_code == 0, done.output
    assert "champion: cycle 1" in ledger.storage.read(CAMPAIGN_PAGE).decode()


def test_rollback_to_a_model_whose_files_are_gone_changes_nothing(
    ledger: Ledger, tmp_path: Path
) -> None:
    ledger.storage.delete(f"models/{MODELS[0]}/generator.keras")
    done = called(ledger.storage, tmp_path, "rollback", "--why", "worse at night")
    assert done.exit_code == 1
    assert f"The model {MODELS[0][:12]} is gone" in done.output
    assert Ledger(ledger.storage).state().champion.model == MODELS[1]
