from typing import Annotated

import pytest
from pydantic import Field, ValidationError

from components.contracts.recipe.base import Settings
from components.contracts.recipe.data import DataSettings, SplitSettings, SyntheticSettings
from components.contracts.recipe.inference import InferenceSettings
from components.contracts.recipe.recipe import Recipe


class Some(Settings):
    number: float = 1.0
    count: Annotated[int, Field(ge=1)] = 1


def groups(model):
    """A model and every group of settings inside it."""
    yield model
    for info in model.model_fields.values():
        for candidate in (info.annotation, *getattr(info.annotation, "__args__", ())):
            if isinstance(candidate, type) and issubclass(candidate, Settings):
                yield from groups(candidate)


def test_every_group_of_a_recipe_is_strict_and_frozen():
    found = list(groups(Recipe))
    assert len(found) > 12
    for model in found:
        config = model.model_config
        assert (config["extra"], config["strict"], config["frozen"]) == ("forbid", True, True)
        assert config["allow_inf_nan"] is False


@pytest.mark.parametrize(
    "values",
    [
        {"nummer": 1.0},
        {"number": "1.0"},
        {"number": float("nan")},
        {"number": float("inf")},
        {"count": 1.0},
        {"count": True},
        {"count": None},
    ],
)
def test_settings_reject_unknown_keys_and_wrong_types(values):
    with pytest.raises(ValidationError):
        Some.model_validate(values)


def test_settings_accept_an_integer_as_a_number_and_are_frozen():
    some = Some.model_validate({"number": 2})
    assert some.number == 2.0
    with pytest.raises(ValidationError, match="frozen"):
        some.count = 3


def test_sizes_may_be_lists_and_are_bounded():
    assert DataSettings.model_validate({"size": [64, 128]}).size == (64, 128)
    assert InferenceSettings.model_validate({"window": [64, 64]}).window == (64, 64)
    for size in ([64], [64, 128, 3], [31, 64], [64, 10_000], [64.0, 128], "64x128"):
        with pytest.raises(ValidationError):
            SyntheticSettings.model_validate({"size": size})


@pytest.mark.parametrize("initial", [0, 12, "1/16", "1/2", "all"])
def test_split_accepts_a_valid_initial_amount(initial):
    assert SplitSettings(initial=initial).initial == initial


@pytest.mark.parametrize("initial", [-1, 0.5, "1/0", "2/3", "0.5", "half", True, None])
def test_split_rejects_an_invalid_initial_amount(initial):
    with pytest.raises(ValidationError):
        SplitSettings(initial=initial)


def test_split_rejects_ratios_without_train_or_val_or_a_sum_of_one():
    SplitSettings(ratios={"train": 0.7, "val": 0.2, "test": 0.1})
    for ratios in (
        {"train": 1.0},
        {"train": 1.0, "val": 0.0},
        {"train": 1.2, "val": -0.2},
        {"train": 0.5, "val": 0.4},
        {"train": 0.5, "val": 0.4, "dev": 0.1},
    ):
        with pytest.raises(ValidationError):
            SplitSettings(ratios=ratios)
