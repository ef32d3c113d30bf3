"""A query whose images were looked at in parts is the query that looks at all of them itself."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from components.contracts.step.done import DoneMarker
from components.contracts.step.results import TrainResult
from components.contracts.storage import base
from components.query import ask, facts_file, shard, step
from components.query.facts import Facts
from tests.support.asking import IDS, MODEL, before_query, in_this_process

SHARDS = 3


@pytest.fixture
def looked(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The ids of the images that were looked at, one after the other."""
    seen: list[str] = []
    facts_of = ask.look

    def look(model: Any, records: Any, ids: Any, labeled: Any, *more: Any) -> dict[str, Facts]:
        seen.extend([*ids, *labeled])
        return facts_of(model, records, ids, labeled, *more)

    in_this_process(monkeypatch)
    monkeypatch.setattr(shard, "begin", lambda name: None)
    monkeypatch.setattr(ask, "look", look)
    return seen


def campaign(root: Path, strategy: str, shards: int, **query: Any) -> tuple[str, str, int, int]:
    """A cycle that has trained the champion, with four labeled images."""
    query = {"strategy": strategy, "query_size": 3, "min_gap": 0} | query
    given = before_query(root, {"query": query, "cluster": {"shards": shards}}, labeled=4)
    result = TrainResult(
        model=MODEL.name, steps=1, best_step=1, dev_miou=None, waiting_for_data=0, parameters=1
    )
    outputs = result.model_dump(mode="json")
    trained = DoneMarker(inputs_sha256="", inputs={}, outputs=outputs, at="", seconds=0)
    (root / "work" / "1").mkdir(parents=True)
    (root / "work" / "1" / "train.done.json").write_text(trained.model_dump_json())
    return given


def left_by(root: Path) -> dict[str, bytes]:
    """What a query leaves: its files, the cycle's sample of predictions, and its event."""
    folders = (root / "queries", root / "cycles")
    files = [path for folder in folders for path in folder.rglob("*") if path.is_file()]
    out = {str(path.relative_to(root)): path.read_bytes() for path in files}
    event = json.loads(max((root / "ledger").iterdir()).read_text())
    assert event["kind"] == "query"
    return out | {"event": json.dumps(event["payload"]).encode()}


def test_the_query_is_the_same_in_one_part_and_in_three(tmp_path: Path, looked: list[str]) -> None:
    # Takes a second look at the candidates, and none at the labeled images.
    strategy = "disagreement"
    whole, parts = tmp_path / "whole", tmp_path / "parts"
    assert step.run(*campaign(whole, strategy, 1), "records/r").asked == 3
    assert sorted(looked) == IDS
    looked.clear()
    given = campaign(parts, strategy, SHARDS)
    sizes = [shard.run(*given, "records/r", n) for n in range(1, SHARDS + 1)]
    assert (sum(sizes), max(sizes) - min(sizes) <= 2) == (len(IDS), True)
    assert sorted(looked) == IDS
    looked.clear()
    assert step.run(*given, "records/r").asked == 3
    assert looked == []  # the query itself has looked at nothing
    assert left_by(parts) == left_by(whole)


def test_a_killed_part_is_done_again_and_the_query_looks_at_what_is_still_missing(
    tmp_path: Path, looked: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    given = campaign(tmp_path / "root", "entropy", SHARDS)

    def kill(phase: str, operation: str, name: str) -> None:
        if phase == "before" and name.endswith("look-2.done.json"):
            raise KeyboardInterrupt

    monkeypatch.setattr(base, "observer", kill)
    shard.run(*given, "records/r", 1)
    looked.clear()
    with pytest.raises(KeyboardInterrupt):
        shard.run(*given, "records/r", 2)
    second = sorted(looked)
    monkeypatch.setattr(base, "observer", None)
    looked.clear()
    assert shard.run(*given, "records/r", 1) > 0  # is done
    assert shard.run(*given, "records/r", 2) == len(second)
    assert sorted(looked) == second
    mirrored = json.loads(given[0]) | {"inference": {"flip": True}}
    looked.clear()
    shard.run(json.dumps(mirrored), *given[1:], "records/r", 3)
    third = sorted(looked)
    looked.clear()
    step.run(*given, "records/r")  # what the mirrored image showed does not count
    assert sorted(looked) == third


@pytest.mark.parametrize(
    ("settings", "champion", "number"),
    [
        ({}, False, 1),  # a cold start
        ({"strategy": "random"}, True, 1),
        ({"label_budget": 4}, True, 1),  # it is used up
        ({}, True, SHARDS + 1),  # the pipeline was compiled from another recipe
    ],
)
def test_a_part_of_a_query_that_looks_at_nothing_ends_before_it_opens_the_records(
    settings: dict[str, Any], champion: bool, number: int, tmp_path: Path, looked: list[str]
) -> None:
    recipe = {"query": settings, "cluster": {"shards": SHARDS}}
    given = before_query(tmp_path / "root", recipe, labeled=4, champion=champion)
    assert shard.run(*given, "records/none", number) == 0
    assert not (tmp_path / "root" / "work").exists()


def test_a_part_of_a_query_that_was_asked_ends_at_once(tmp_path: Path, looked: list[str]) -> None:
    given = campaign(tmp_path / "root", "stratified", SHARDS)
    assert step.run(*given, "records/r").asked == 3
    assert shard.run(*given, "records/none", 1) == 0


def test_the_file_of_facts_returns_every_number_as_it_was() -> None:
    rng = np.random.default_rng(0)

    def facts(**uncertainty: float) -> Facts:
        vectors = (rng.random(n).astype(np.float32) for n in (5, 19, 19))
        embedding, by_class, share = vectors
        return Facts(embedding, uncertainty, by_class, share, float(rng.random()))

    before = {"b": facts(entropy=1 / 3, bald=0.1), "a": facts(entropy=2 / 3)}
    after = facts_file.decode(facts_file.encode(before))
    assert list(after) == ["b", "a"]
    for image_id, one in before.items():
        other = after[image_id]
        assert other.uncertainty == one.uncertainty
        assert other.confidence == one.confidence
        for name in ("embedding", "class_uncertainty", "class_share"):
            x, y = getattr(one, name), getattr(other, name)
            assert x.dtype == y.dtype == np.float32
            np.testing.assert_array_equal(x, y)
