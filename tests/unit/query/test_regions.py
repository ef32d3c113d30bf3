"""Queries for regions: which tiles of which images, and how many of one image."""

from __future__ import annotations

from pathlib import Path
from typing import Any, get_args

import numpy as np
import pytest
from pydantic import ValidationError

from components.contracts.ledger.ledger import Ledger
from components.contracts.recipe.query import OF_WHOLE_IMAGES, QuerySettings, StrategyName
from components.contracts.regions.tiles import Tiles
from components.contracts.storage.open import open_storage
from components.query import facts_file, shard, step
from components.query.ask import make_query
from components.query.choose import Fixed, choose
from components.query.facts import divided, facts_of
from components.query.look import Model
from components.query.spotlight import spotlight
from tests.support.asking import before_query, in_this_process
from tests.unit.query.pools import drives
from tests.unit.query.test_make_query import IDS, FakeEmbedder, FakePredictor, FakeRecords

GRID = (2, 3)
REGIONS: dict[str, Any] = {"unit": "region", "region_grid": GRID, "min_gap": 0}


class Patchy(FakeRecords):
    """Of each image, the model is least sure of one tile: that with the image's own number."""

    def read(self, image_id: str) -> Any:
        record = super().read(image_id)
        box = Tiles(*GRID, (IDS.index(image_id) % 6,)).boxes(record.image.shape[:2])[0]
        record.image[:] = 99
        record.image[box.window] = self.sure[image_id]
        return record


RECORDS: Any = Patchy(dict(zip(IDS, [90, 80, 70, 60, 50, 40, 30, 20], strict=True)))
MODEL = Model(FakePredictor(), FakeEmbedder())  # type: ignore[arg-type]
NAMES = [name for name in get_args(StrategyName) if name not in OF_WHOLE_IMAGES]


def query(count: int, free: Any = None, model: Model | None = MODEL, **settings: Any) -> Any:
    given = QuerySettings(**REGIONS | {"strategy": "entropy"} | settings)
    return make_query(RECORDS, IDS[2:], IDS[:3], given, count, model, (1, 2), free=free)


def test_a_query_asks_for_the_regions_that_the_model_doubts() -> None:
    made = query(3)
    assert [(s.image_id, s.tiles.numbers) for s in made.chosen] == [
        (IDS[7], (1,)),
        (IDS[6], (0,)),
        (IDS[5], (5,)),
    ]
    assert made.chosen[0].score == max(made.scores.values()) == made.scores[f"{IDS[7]}#1"]
    assert made.chosen[0].cost == pytest.approx(1 / 6)
    assert len(made.scores) == 6 * 6
    # The image is labeled in part: it is its own nearest labeled image, which would explain nothing.
    assert IDS[2] not in made.alike


def test_labeled_regions_are_not_asked_for_again() -> None:
    free = {i: range(6) for i in IDS[2:]} | {IDS[7]: (0, 2, 3, 4, 5)}
    assert [(s.image_id, s.tiles.numbers) for s in query(1, free).chosen] == [(IDS[6], (0,))]


@pytest.mark.parametrize("strategy", [n for n in NAMES if n not in ("bald", "discriminator")])
def test_every_strategy_for_regions_asks_for_as_many_as_it_should(strategy: str) -> None:
    made = query(7, strategy=strategy, regions_per_image=2)
    assert made.strategy == strategy
    counts = [len(s.tiles.numbers) for s in made.chosen]
    assert sum(counts) == 7
    assert strategy == "random" or max(counts) <= 2


def test_a_cold_start_asks_for_regions_by_chance() -> None:
    made = query(4, model=None)
    assert made.strategy == "stratified"
    assert sum(len(s.tiles.numbers) for s in made.chosen) == 4


def test_one_image_does_not_take_the_whole_query_unless_nothing_else_is_left() -> None:
    pool = drives(cities=1, frames=6, labeled=0)
    pool = divided(pool, {i: range(6) for i in pool.ids})
    ranker = Fixed(-np.arange(len(pool), dtype=float))  # the regions of the first image first

    def images(count: int, gap: int, limit: int) -> list[int]:
        return [c.candidate // 6 for c in choose(pool, ranker, count, gap, limit)]

    assert images(5, 0, 2) == [0, 0, 1, 1, 2]
    assert images(5, 3, 2) == [0, 0, 3, 3, 1], "other images keep apart, then the gap is halved"
    assert sorted(images(36, 3, 2)) == [image for image in range(6) for _ in range(6)]


def test_an_image_and_its_regions_are_seen_with_the_same_numbers_at_every_place() -> None:
    image = np.random.default_rng(0).integers(0, 100, (4, 6, 3)).astype(np.uint8)
    probabilities = FakePredictor().probabilities(image)
    facts = facts_of(probabilities, np.ones(2, np.float32), grid=GRID)
    alone = facts_of(probabilities[2:4, 2:4], np.ones(2, np.float32))
    assert facts.regions[4].uncertainty == alone.uncertainty
    np.testing.assert_array_equal(facts.regions[4].class_share, alone.class_share)
    means = [region.uncertainty["entropy"] for region in facts.regions]
    assert facts.uncertainty["entropy"] == pytest.approx(np.mean(means), rel=1e-5)


def test_the_facts_of_regions_survive_their_file() -> None:
    probabilities = FakePredictor().probabilities(np.full((4, 6, 3), 50, np.uint8))
    whole = facts_of(probabilities, np.ones(2, np.float32))
    parts = facts_of(probabilities, np.zeros(2, np.float32), grid=GRID)
    read = facts_file.decode(facts_file.encode({"a": parts, "b": whole}))
    assert (len(read["a"].regions), len(read["b"].regions)) == (6, 0)
    for one, other in zip(read["a"].regions, parts.regions, strict=True):
        assert one.uncertainty == other.uncertainty
        np.testing.assert_array_equal(one.class_uncertainty, other.class_uncertainty)


def test_the_step_asks_in_parts_as_in_one_and_records_the_regions(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    in_this_process(monkeypatch)
    monkeypatch.setattr(shard, "begin", lambda name: None)
    items = []
    for shards in (1, 2):
        root = tmp_path / str(shards)
        settings = {**REGIONS, "region_grid": list(GRID), "strategy": "margin", "query_size": 5}
        given = before_query(root, {"query": settings, "cluster": {"shards": shards}}, labeled=2)
        for number in range(1, shards + 1) if shards > 1 else ():
            assert shard.run(*given, "records/r", number) > 0
        asked = step.run(*given, "records/r").asked
        state = Ledger(open_storage(str(root))).state()
        items.append(state.outstanding)
        assert asked == len(state.outstanding)
    assert items[0] == items[1]
    assert sum(len(item.tiles.numbers) for item in items[0].values() if item.tiles) == 5


def test_tasks_show_the_regions_and_darken_the_rest() -> None:
    image = np.full((4, 6, 3), 200, np.uint8)
    shown = spotlight(image, Tiles(*GRID, (4,)).mask((4, 6)))
    assert (shown[2:4, 2:4] == 200).all()
    assert (shown[:2] == 70).all()
    assert spotlight(image, None) is image


def test_auto_asks_for_regions_by_class_balanced_entropy() -> None:
    made, named = query(6, strategy="auto"), query(6, strategy="class_balanced")
    assert made._replace(why="") == named
    assert (made.strategy, made.why) == ("class_balanced", "The query asks for regions.")
    cold = query(6, strategy="auto", model=None)
    assert (cold.strategy, cold.why) == ("stratified", "")


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"strategy": "kcenter"}, r"query\.strategy kcenter chooses whole images; set"),
        ({"strategy": "clasp"}, r"clasp chooses whole images"),
        ({"strategy": "entropy", "probes": 0.1}, r"set query\.probes to 0"),
    ],
)
def test_settings_that_make_no_sense_with_regions_are_refused(
    settings: dict[str, Any], words: str
) -> None:
    with pytest.raises(ValidationError, match=words):
        QuerySettings(unit="region", **settings)
