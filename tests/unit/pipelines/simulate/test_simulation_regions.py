"""Regions in a simulation: as much is labeled as with whole images, and a head learns from it alone."""

from __future__ import annotations

from pathlib import Path

import keras
import numpy as np
import pytest

from components.contracts.recipe.recipe import Recipe, load
from components.contracts.regions.tiles import grid
from components.contracts.storage.open import open_storage
from pipelines.simulate.bed import Bed, prepare
from pipelines.simulate.labeled import Labeled
from pipelines.simulate.plan import Design, Trial
from pipelines.simulate.trial import Runner
from pipelines.simulate.ways import ALL, NAMES, Way, way_of
from tests.support.campaigns import SMOKE

NAMED = ["entropy@region", "random@region", "bald@region"]


@pytest.fixture(scope="module")
def recipe() -> Recipe:
    changes = ["train.network.encoder.base=2", "split.dev_fraction=0.3", "query.region_grid=[2, 4]"]
    return load(Path(SMOKE), changes)


@pytest.fixture(scope="module")
def design(recipe: Recipe) -> Design:
    return Design.of(
        NAMED,
        "stratified",
        [0],
        [2, 4, 5],
        steps=2,
        objectives=recipe.train.objectives,
        split="dev",
        query_size=None,
    )


@pytest.fixture(scope="module")
def bed(tmp_path_factory: pytest.TempPathFactory, recipe: Recipe, design: Design) -> Bed:
    storage = open_storage(str(tmp_path_factory.mktemp("simulation")))
    keras.utils.set_random_seed(0)  # of the encoder, which is not pretrained here
    prepare(recipe, storage)
    return Bed(recipe, storage, design)


def test_ways_are_named_after_their_strategies() -> None:
    assert way_of("entropy") == Way("entropy", regions=False)
    assert way_of("entropy@region") == Way("entropy", regions=True)
    assert "kcenter@region" not in NAMES
    assert "entropy" in ALL
    assert not {"discriminator", "entropy@region"} & {*ALL}
    assert way_of("auto@region") == Way("auto", regions=True)
    with pytest.raises(ValueError, match="unknown strategy 'clasp@region'"):
        way_of("clasp@region")


def test_regions_add_up_to_what_is_labeled_of_an_image() -> None:
    every = grid(2, 4)
    labeled = Labeled(every)
    labeled.add(["a", "b#5"])
    labeled.add(["b#0"])
    assert labeled.names == ["a", "b#5", "b#0"]
    assert labeled.parts == {"a": None, "b": every.of((0, 5))}
    assert [labeled.free(i) for i in "abc"] == [(), (1, 2, 3, 4, 6, 7), (0, 1, 2, 3, 4, 5, 6, 7)]


@pytest.mark.parametrize("name", NAMED)
def test_as_many_regions_are_asked_for_as_the_images_have(
    bed: Bed, design: Design, recipe: Recipe, name: str
) -> None:
    points = Runner(bed, design, recipe.query).run(Trial(name, 0))
    assert [point.labels for point in points] == [2, 4, 5]
    whole, *regions = [point.asked for point in points]
    assert len(whole) == 2
    assert {*whole} < {*bed.pool}
    assert [len(asked) for asked in regions] == [2 * 8, 1 * 8]
    asked = [word for names in regions for word in names]
    images, numbers = zip(*(word.split("#") for word in asked), strict=True)
    assert {*images} <= {*bed.pool} - {*whole}
    assert {int(number) for number in numbers} <= {*range(8)}
    assert len({*asked}) == len(asked)


def test_the_same_first_images_and_the_same_first_model(
    bed: Bed, design: Design, recipe: Recipe
) -> None:
    runner = Runner(bed, design, recipe.query)
    one, other = (runner.run(Trial(name, 0))[0] for name in ("stratified", "random@region"))
    assert one == other


def test_a_head_learns_from_the_labeled_regions_alone(
    bed: Bed, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: dict[str, np.ndarray] = {}

    class Stop(Exception):
        pass

    def fit_head(features: object, labels: dict[str, np.ndarray], *others: object) -> None:
        seen.update(labels)
        raise Stop

    monkeypatch.setattr("pipelines.simulate.bed.fit_head", fit_head)
    image_id = bed.pool[0]
    tiles = bed.grid.of((1, 6))
    for labeled in ({image_id: tiles}, {image_id: None}):
        with pytest.raises(Stop):
            bed.fit(labeled, 0, lambda done: None)
        if labeled[image_id] is not None:
            part = seen[image_id]
    whole = seen[image_id]
    inside = tiles.mask(whole.shape[:2])
    np.testing.assert_array_equal(part[inside], whole[inside])
    assert whole[inside].any()
    assert whole[~inside].any()
    assert not part[~inside].any()
