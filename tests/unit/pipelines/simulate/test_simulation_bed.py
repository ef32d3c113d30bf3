"""What a simulation's strategies see of the pool, and what its results share."""

from __future__ import annotations

from pathlib import Path

import keras
import numpy as np
import pytest

from components.contracts.recipe.recipe import Recipe, load
from components.contracts.storage.base import Storage
from components.contracts.storage.open import open_storage
from pipelines.simulate.bed import Bed, Fitted, prepare
from pipelines.simulate.plan import Design, key_of
from pipelines.simulate.ways import way_of
from tests.support.campaigns import SMOKE


def recipe(*changes: str) -> Recipe:
    return load(Path(SMOKE), ["train.network.encoder.base=2", "split.dev_fraction=0.3", *changes])


def design_for(recipe: Recipe) -> Design:
    return Design.of(
        ["bald"],
        "stratified",
        [0],
        [2, 4],
        steps=2,
        objectives=recipe.train.objectives,
        split="dev",
        query_size=None,
    )


DESIGN = design_for(recipe())


@pytest.fixture(scope="module")
def storage(tmp_path_factory: pytest.TempPathFactory) -> Storage:
    storage = open_storage(str(tmp_path_factory.mktemp("simulation")))
    keras.utils.set_random_seed(0)  # of the encoder, which is not pretrained here
    prepare(recipe(), storage)
    return storage


@pytest.fixture(scope="module")
def bed(storage: Storage) -> Bed:
    return Bed(recipe(), storage, DESIGN)


@pytest.fixture(scope="module")
def fitted(bed: Bed) -> Fitted:
    return bed.fit(dict.fromkeys(bed.pool[:2]), 0, lambda done: None)


def test_a_second_look_is_taken_for_the_strategy_that_needs_it(bed: Bed, fitted: Fitted) -> None:
    seen = {
        name: bed.look(fitted.predictor, way_of(name), 0)
        for name in ("entropy", "margin", "bald", "disagreement")
    }
    for name, facts in seen.items():
        assert sorted(facts) == sorted(bed.pool)
        measures = {"entropy", name}
        assert all(set(one.uncertainty) == measures for one in facts.values())
        assert all(0 < one.uncertainty[name] < 1 for one in facts.values())
    assert bed.look(fitted.predictor, way_of("disagreement"), 0) is seen["disagreement"]
    entropy = bed.look(fitted.predictor, way_of("entropy"), 0)
    assert bed.look(fitted.predictor, way_of("kcenter"), 0) is entropy


def test_passes_with_dropout_follow_the_seed(bed: Bed, fitted: Fitted) -> None:
    def scores(seed: int) -> list[float]:
        facts = bed.look(fitted.predictor, way_of("bald"), seed)
        return [facts[image_id].uncertainty["bald"] for image_id in bed.pool]

    first, second, again = scores(1), scores(2), scores(1)
    assert first == again
    assert first != second


def test_the_aggregation_of_the_recipe_applies(bed: Bed, fitted: Fitted, storage: Storage) -> None:
    top = Bed(recipe("query.aggregation=top"), storage, DESIGN)
    means = bed.look(fitted.predictor, way_of("entropy"), 0)
    tops = top.look(fitted.predictor, way_of("entropy"), 0)
    for image_id in bed.pool:
        assert tops[image_id].uncertainty["entropy"] > means[image_id].uncertainty["entropy"]
        np.testing.assert_array_equal(tops[image_id].class_share, means[image_id].class_share)


def test_results_with_other_measures_of_doubt_are_not_mixed(bed: Bed, storage: Storage) -> None:
    def key(*changes: str) -> str:
        return key_of(recipe(*changes), bed.scene, DESIGN)

    others = ("query.aggregation=top", "query.top_share=0.2", "query.samples=4", "query.min_gap=1")
    regions = ("query.region_grid=[2, 2]", "query.regions_per_image=1")
    assert len({key(), *(key(change) for change in (*others, *regions))}) == 7
    assert key("query.aggregation=mean", "query.samples=8", "query.query_size=5") == key()


def test_results_with_other_class_weights_are_not_mixed(bed: Bed) -> None:
    def key(change: str) -> str:
        chosen = recipe(f"train.objectives.{change}")
        return key_of(chosen, bed.scene, design_for(chosen))

    changes = ("class_weights_offset=1.1", "class_weights_offset=1.02", "class_weights=none")
    assert len({key(change) for change in changes}) == 3
