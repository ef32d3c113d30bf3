"""The named sets of objectives that an ablation compares."""

from __future__ import annotations

from collections.abc import Mapping

from components.contracts.process.errors import UsageError
from components.contracts.recipe.train import TrainSettings

# The weight of a term that the recipe switches off: the papers' own, whatever the defaults of a
# recipe are.
PUBLISHED: Mapping[str, float] = {
    "supervised": 1.0,
    # AdvSemiSeg (Hung et al., 2018), section 4 and the authors' code; trusted where D > 0.2
    # (`semi_supervised_threshold`, which the recipe keeps).
    "adversarial_labeled": 0.01,
    "adversarial_unlabeled": 0.001,
    "semi_supervised": 0.1,
    # UniMatch (Yang et al., 2023): (labeled + strong / 2 + feature / 2) / 2; relative to a labeled
    # weight of 1 that is 0.5 each.
    "consistency": 0.5,
    "feature_consistency": 0.5,
}
_GAN = ("adversarial_labeled", "adversarial_unlabeled")
_CONSISTENCY = ("consistency", "feature_consistency")
RECIPE = "recipe"

# The terms that are on beside the cross-entropy; every other weight is 0.
TERMS: Mapping[str, tuple[str, ...]] = {
    "supervised": (),
    "adversarial": _GAN,
    # The semi-supervised term trusts what the discriminator calls real: it needs one that learns.
    "self_training": (*_GAN, "semi_supervised"),
    "consistency": _CONSISTENCY,
    "all": (*_GAN, "semi_supervised", *_CONSISTENCY),
}
VARIANTS = (*TERMS, RECIPE)
WEIGHTS = (*PUBLISHED, "dice")


def settings_of(variant: str, recipe: TrainSettings) -> TrainSettings:
    """Return the settings of one variant's fit.

    A named variant changes only the weights in `train.objectives` (class weights, thresholds and
    starts stay the recipe's); `recipe` changes none. Without a term that reads unlabeled images none
    are drawn. Every variant runs all steps: nothing stops early, and nothing starts from a champion,
    because an ablation has none.

    Args:
      variant: one of `VARIANTS`.
      recipe: the recipe's section `train`.

    Raises:
      UsageError: the variant is unknown, or it reads unlabeled images and the recipe draws none.
    """
    if variant not in VARIANTS:
        raise UsageError(
            f"Unknown variant {variant!r}. Expected one of {', '.join(VARIANTS)}; name them with "
            "--variants supervised,adversarial."
        )
    common = {"patience": 0, "warm_start": False}
    if variant == RECIPE:
        return recipe.model_copy(update=common)
    on = ("supervised", *TERMS[variant])
    weights = {
        name: (getattr(recipe.objectives, name) or PUBLISHED[name]) if name in on else 0.0
        for name in WEIGHTS
    }
    objectives = recipe.objectives.model_copy(update=weights)
    if not objectives.reads_unlabeled:
        return recipe.model_copy(
            update=common | {"objectives": objectives, "unlabeled_batch_size": 0}
        )
    if not recipe.unlabeled_batch_size:
        raise UsageError(
            f"train.unlabeled_batch_size is 0, but the variant {variant} learns from unlabeled images. "
            "Set it with --set train.unlabeled_batch_size=4."
        )
    return recipe.model_copy(update=common | {"objectives": objectives})
