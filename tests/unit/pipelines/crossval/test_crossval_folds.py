"""Folds hold every city out once, in groups of about equal size."""

from __future__ import annotations

import pytest

from components.contracts.process.errors import StreetloopError, UsageError
from components.contracts.recipe.recipe import Recipe
from pipelines.crossval.cli import changes_of
from pipelines.crossval.folds import Fold, folds_of
from pipelines.crossval.plan import Variant, settings_of, trials_of
from tests.support.fits import settings_of as tiny
from tfds_cityscapes.source import Item


def items(**cities: int) -> list[Item]:
    return [
        Item(f"{city}_{n:06d}_000001", city, "train", f"{city}{n}", f"{city}{n}")
        for city, count in cities.items()
        for n in range(count)
    ]


def test_each_city_is_a_fold_by_default() -> None:
    assert folds_of(items(b=2, a=3), None) == [Fold("a", ("a",), 3), Fold("b", ("b",), 2)]


def test_the_largest_cities_are_dealt_first_each_to_the_smallest_fold() -> None:
    # 9 | 5 -> 9 | 5+4 -> 9+3 | 9 -> 12 | 9+2
    folds = folds_of(items(a=3, b=9, c=5, d=4, e=2), 2)
    assert folds == [Fold("fold 1", ("a", "b"), 12), Fold("fold 2", ("c", "d", "e"), 11)]


def test_images_without_a_mask_do_not_count() -> None:
    unlabeled = [Item("c_000000_000001", "c", "train", "c0")]
    assert [f.name for f in folds_of(items(a=1, b=1) + unlabeled, None)] == ["a", "b"]


@pytest.mark.parametrize(("count", "cities"), [(None, {"a": 5}), (3, {"a": 5, "b": 5}), (None, {})])
def test_too_few_cities_are_an_error(count: int | None, cities: dict[str, int]) -> None:
    with pytest.raises(StreetloopError, match=r"Too few cities .*lower --folds"):
        folds_of(items(**cities), count)


def test_trials_hold_out_the_cities_of_their_fold_and_choose_nothing_by_its_scores() -> None:
    recipe = Recipe.model_validate({"name": "x"})
    folds = [Fold("a", ("a",), 1), Fold("fold 2", ("b", "c"), 2)]
    trials = trials_of([Variant("recipe", recipe), Variant("other", recipe)], folds)
    assert [(t.fold.name, t.variant) for t in trials] == [
        ("a", "recipe"),
        ("a", "other"),
        ("fold 2", "recipe"),
        ("fold 2", "other"),
    ]
    split = trials[2].recipe.split
    assert (split.dev_by, split.dev_cities) == ("city", ("b", "c"))
    settings = settings_of(tiny(steps=12, dev_every=3, patience=2, warm_start=True))
    assert (settings.dev_every, settings.patience, settings.warm_start) == (12, 0, False)


def test_changes_of_one_variant_accumulate() -> None:
    given = ("slow:train.steps=9", "b:seed=2", "slow:inference.scales=[1.0,1.5]")
    assert changes_of(given) == {
        "slow": ["train.steps=9", "inference.scales=[1.0,1.5]"],
        "b": ["seed=2"],
    }


@pytest.mark.parametrize("text", ["train.steps=9", "recipe:train.steps=9", "a:steps", "a b:c=1"])
def test_other_text_is_not_a_variant(text: str) -> None:
    with pytest.raises(UsageError, match="Not a variant"):
        changes_of((text,))
