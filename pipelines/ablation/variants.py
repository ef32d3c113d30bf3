"""The named sets of objectives that an ablation compares."""

from __future__ import annotations

from collections.abc import Mapping

from components.contracts.process.errors import UsageError
from components.contracts.recipe.train import TrainSettings

# What a term weighs if the recipe leaves it off, written here once. They are the papers' own, and
# stay so when the defaults of a recipe change.
PUBLISHED: Mapping[str, float] = {
    "supervised": 1.0,
    # AdvSemiSeg (Hung et al., 2018), section 4 and the authors' code; trusted where D > 0.2
    # (`semi_supervised_threshold`, which the recipe keeps).
    "adversarial_labeled": 0.01,
    "adversarial_unlabeled": 0.001,
    "semi_supervised": 0.1,
    # UniMatch (Yang et al., 2023): (labeled + strong / 2 + feature / 2) / 2; seen from a labeled
    # weight of 1 that is 0.5 each.
    "consistency": 0.5,
    "feature_consistency": 0.5,
}
_GAN = ("adversarial_labeled", "adversarial_unlabeled")
_CONSISTENCY = ("consistency", "feature_consistency")
RECIPE = "recipe"

# Which terms are switched on beside the cross-entropy; every other weight is 0.
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
    """The settings of one variant's fit.

    A named variant sets the weights of `train.objectives` and nothing else of them (class weights,
    thresholds and starts stay the recipe's); `recipe` sets none. Without a term that reads
    unlabeled images none are drawn. Every variant takes all the steps: nothing stops early, and
    nobody starts from a champion, which an ablation has not.

    Args:
      variant: one of `VARIANTS`.
      recipe: the recipe's section `train`.

    Raises:
      UsageError: there is no such variant, or it reads unlabeled images and the recipe draws none.
    """
    if variant not in VARIANTS:
        raise UsageError(
            f"Expected variants out of {', '.join(VARIANTS)}; got {variant!r}. Name them with "
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
            f"Expected train.unlabeled_batch_size of at least 1 for the variant {variant}, which "
            "learns from unlabeled images; got 0. Set it with --set train.unlabeled_batch_size=4."
        )
    return recipe.model_copy(update=common | {"objectives": objectives})
