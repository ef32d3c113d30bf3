"""What each variant of an ablation changes, and that it changes nothing else."""

from __future__ import annotations

import numpy as np
import pytest

from components.contracts.process.errors import UsageError
from components.contracts.recipe.train import TrainSettings
from pipelines.ablation.variants import VARIANTS, settings_of

# Every weight of a named variant on a recipe that has none of its own.
GAN = {"adversarial_labeled": 0.01, "adversarial_unlabeled": 0.001}
CONSISTENCY = {"consistency": 0.5, "feature_consistency": 0.5}
EXPECTED = {
    "supervised": {},
    "adversarial": GAN,
    "self_training": GAN | {"semi_supervised": 0.1},
    "consistency": CONSISTENCY,
    "all": GAN | {"semi_supervised": 0.1} | CONSISTENCY,
}
OFF = dict.fromkeys([*EXPECTED["all"], "dice"], 0.0)


def _recipe(**objectives: object) -> TrainSettings:
    return TrainSettings.model_validate(
        {"patience": 3, "warm_start": True, "steps": 7, "objectives": objectives}
    )


def _plain(settings: TrainSettings) -> dict:
    return settings.model_dump()


@pytest.mark.parametrize("variant", EXPECTED)
def test_a_variant_changes_only_its_weights(variant: str) -> None:
    recipe = _recipe(**OFF, class_weights="none", semi_supervised_start=0.7)
    expected = _plain(recipe)
    expected["objectives"] |= EXPECTED[variant]
    expected |= {"patience": 0, "warm_start": False}
    if variant == "supervised":
        expected["unlabeled_batch_size"] = 0
    assert _plain(settings_of(variant, recipe)) == expected


def test_a_variant_switches_off_what_the_recipe_has_on() -> None:
    recipe = _recipe(dice=1.0, **EXPECTED["all"])
    for variant, weights in EXPECTED.items():
        got = _plain(settings_of(variant, recipe))["objectives"]
        assert {name: got[name] for name in OFF} == OFF | weights


def test_a_weight_of_the_recipe_overrides_the_published_one() -> None:
    recipe = _recipe(supervised=2.0, adversarial_labeled=0.3, consistency=0.9)
    got = settings_of("all", recipe).objectives
    assert (got.supervised, got.adversarial_labeled, got.consistency) == (2.0, 0.3, 0.9)
    assert settings_of("supervised", _recipe(supervised=0.0)).objectives.supervised == 1.0


def test_the_recipe_variant_only_runs_all_its_steps() -> None:
    recipe = _recipe(dice=0.5, adversarial_labeled=0.0)
    expected = _plain(recipe) | {"patience": 0, "warm_start": False}
    assert _plain(settings_of("recipe", recipe)) == expected


def test_all_variants_share_steps_batches_and_networks() -> None:
    recipe = _recipe()
    shared = ("steps", "batch_size", "crop", "network", "augment", "optimizer", "dev_every")
    for variant in VARIANTS:
        got = settings_of(variant, recipe)
        assert [getattr(got, n) for n in shared] == [getattr(recipe, n) for n in shared]


def test_settings_of_rejects_an_unknown_variant_and_one_without_its_images() -> None:
    with pytest.raises(UsageError, match="self_training"):
        settings_of("gan", _recipe())
    none = TrainSettings(unlabeled_batch_size=0)
    with pytest.raises(UsageError, match="unlabeled_batch_size=4"):
        settings_of("consistency", none)
    assert settings_of("supervised", none).unlabeled_batch_size == 0


def test_all_variants_start_from_the_same_weights() -> None:
    import keras

    from components.train.networks.networks import build_networks

    recipe = TrainSettings.model_validate(
        {
            "network": {
                "encoder": {"name": "unet", "base": 4, "depth": 2},
                "decoder_width": 4,
                "decoder_max_width": 8,
            },
            "discriminator": {"base": 4},
        }
    )
    weights = []
    for variant in VARIANTS:
        keras.utils.set_random_seed(3)  # as at the start of a fit
        networks = build_networks(settings_of(variant, recipe))
        weights.append(networks.generator.get_weights() + networks.discriminator.get_weights())
    for other in weights[1:]:
        for one, same in zip(weights[0], other, strict=True):
            np.testing.assert_array_equal(one, same)
