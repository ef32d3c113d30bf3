"""Which settings a campaign keeps for life, and since when."""

from __future__ import annotations

from pathlib import Path

import pytest

from components.contracts.ledger.campaign import ProtectedValueError, create_campaign
from components.contracts.ledger.lease import open_cycle
from components.contracts.ledger.ledger import Ledger
from components.contracts.recipe.recipe import Recipe
from components.contracts.storage.base import Storage
from components.contracts.storage.open import open_storage
from components.cycle.changes import check_unchanged, create, protected_values, record_changes


def _recipe(source: str) -> Recipe:
    return Recipe.model_validate({"name": "street", "data": {"source": source}})


@pytest.fixture
def storage(tmp_path: Path) -> Storage:
    """A campaign that was created with a wrong source."""
    storage = open_storage(str(tmp_path / "root"))
    create(storage, _recipe("/datta"))
    return storage


def test_a_campaign_without_data_continues_with_other_settings(storage: Storage) -> None:
    storage.write("logs/cycle-0001.log", b"why the first run failed")
    ledger = Ledger(storage)
    check_unchanged(ledger.state(), _recipe("/data"))
    create(storage, _recipe("/data"))
    lease = open_cycle(ledger, "run", 60)
    record_changes(ledger, _recipe("/data"), lease.fence)
    assert ledger.state().protected["data.source"] == "/data"
    (changed,) = (e.payload.changed for e in ledger.events() if e.kind == "recipe_changed")
    assert changed == {"data.source": ["/datta", "/data"]}
    assert storage.exists("logs/cycle-0001.log")


@pytest.mark.parametrize("what", ["seed", "rejected"])
def test_a_campaign_that_has_begun_keeps_its_settings(storage: Storage, what: str) -> None:
    ledger = Ledger(storage)
    if what == "seed":
        ledger.commit("seed", "seed", {"image_ids": ["a_0_0"]})
    else:  # a person handed something in, and the reason why it was rejected is kept
        refused = [{"name": "x.png", "reason": "unknown image"}]
        row = {"file_sha256": "0" * 64, "file_name": "x.png", "labels": [], "refused": refused}
        ledger.commit("labels_accepted", "labels/0", row)
    lease = open_cycle(ledger, "run", 60)
    for attempt in (
        lambda: check_unchanged(ledger.state(), _recipe("/data")),
        lambda: create(storage, _recipe("/data")),
        lambda: record_changes(ledger, _recipe("/data"), lease.fence),
    ):
        with pytest.raises(ProtectedValueError, match=r"data\.source may not change"):
            attempt()
    assert ledger.state().protected["data.source"] == "/datta"


def test_a_relative_path_that_an_earlier_version_recorded_is_replaced_once(tmp_path: Path) -> None:
    recipe = _recipe("/a/mycity")
    values, protected = recipe.values(), protected_values(recipe)
    values["data"]["source"] = protected["data.source"] = "mycity"
    ledger = create_campaign(open_storage(str(tmp_path / "root")), "street", values, protected)
    ledger.commit("seed", "seed", {"image_ids": ["a_0_0"]})
    with pytest.raises(ProtectedValueError, match=r"has 'mycity', got '/a/other'"):
        check_unchanged(ledger.state(), _recipe("/a/other"))
    check_unchanged(ledger.state(), recipe)
    lease = open_cycle(ledger, "run", 60)
    for _ in range(2):
        record_changes(ledger, recipe, lease.fence)
    (changed,) = (e.payload.changed for e in ledger.events() if e.kind == "recipe_changed")
    assert changed == {"data.source": ["mycity", "/a/mycity"]}
    with pytest.raises(ProtectedValueError, match=r"Give --data /a/mycity \(a link there, if"):
        check_unchanged(ledger.state(), _recipe("/b/mycity"))


BY_CITY = {"name": "street", "data": {"source": "/data"}, "split": {"dev_by": "city"}}


@pytest.mark.parametrize("first", ["usual", "city"])
def test_a_setting_that_came_later_is_kept_as_it_was_when_the_campaign_began(
    tmp_path: Path, first: str
) -> None:
    usual, city = _recipe("/data"), Recipe.model_validate(BY_CITY)
    before, after = (usual, city) if first == "usual" else (city, usual)
    storage = open_storage(str(tmp_path / "root"))
    create(storage, before)
    ledger = Ledger(storage)
    create(storage, after)  # nobody was asked yet
    record_changes(ledger, after, open_cycle(ledger, "run", 60).fence)
    ledger.commit("seed", "seed", {"image_ids": ["a_0_0"]})
    check_unchanged(ledger.state(), after)
    with pytest.raises(ProtectedValueError, match=r"split\.dev_by may not change"):
        check_unchanged(ledger.state(), before)


def test_a_campaign_of_a_version_without_a_setting_has_its_usual_value(tmp_path: Path) -> None:
    recipe = _recipe("/data")
    values, protected = recipe.values(), protected_values(recipe)
    del values["split"]["dev_by"]
    del protected["split.dev_by"]
    ledger = create_campaign(open_storage(str(tmp_path / "root")), "street", values, protected)
    ledger.commit("seed", "seed", {"image_ids": ["a_0_0"]})
    check_unchanged(ledger.state(), recipe)
    with pytest.raises(ProtectedValueError, match="has 'time', got 'city'"):
        check_unchanged(ledger.state(), Recipe.model_validate(BY_CITY))
