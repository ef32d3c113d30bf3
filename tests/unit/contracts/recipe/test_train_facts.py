"""What the hash of a fit is made of."""

from __future__ import annotations

from components.contracts.recipe.train import TrainSettings


def test_a_later_key_that_changes_nothing_is_left_out() -> None:
    pretrained = {"name": "efficientnet_lite0", "weights": "imagenet"}
    whole = TrainSettings.model_validate({"network": {"encoder": pretrained}})
    frozen = TrainSettings.model_validate(
        {"network": {"encoder": pretrained | {"trainable": False}}}
    )
    assert "trainable" not in whole.facts()["network"]["encoder"]
    assert frozen.facts()["network"]["encoder"]["trainable"] is False
    dumped = whole.model_dump(mode="json")
    del dumped["network"]["encoder"]["trainable"]
    del dumped["augment"]["rare_crop_share"]
    del dumped["objectives"]["hard_pixel_share"]
    assert whole.facts() == dumped


def test_a_later_key_that_changes_something_is_kept() -> None:
    changed = TrainSettings.model_validate(
        {"augment": {"rare_crop_share": 0.5}, "objectives": {"hard_pixel_share": 0.3}}
    )
    assert changed.facts()["augment"]["rare_crop_share"] == 0.5
    assert changed.facts()["objectives"]["hard_pixel_share"] == 0.3
