"""What the hash of a fit is made of."""

from __future__ import annotations

from pathlib import Path

import pytest

from components.contracts.recipe.networks import EncoderSettings
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


def test_a_file_of_weights_counts_by_its_content(tmp_path: Path) -> None:
    path, same = tmp_path / "own.pth", tmp_path / "same.pth"
    encoder = {"name": "efficientnet_lite0", "weights": str(path)}
    settings = TrainSettings.model_validate({"network": {"encoder": encoder}})
    missing = settings.facts()["network"]["encoder"]
    assert set(missing) == {"name", "weights", "base", "depth"}
    path.write_bytes(b"one")
    first = settings.facts()
    known = "7692c3ad3540bb803c020b3aee66cd8887123234ea0c6e7143c0add73ff431ed"  # sha256sum of "one"
    assert first["network"]["encoder"] == missing | {"weights_sha256": known}
    path.write_bytes(b"two")
    assert settings.facts() != first
    same.write_bytes(b"one")
    path.unlink()
    same.rename(path)
    assert settings.facts() == first


@pytest.mark.parametrize("weights", ["imagenet", "none"])
@pytest.mark.parametrize("name", ["efficientnet_lite0", "unet"])
def test_what_needs_no_file_reads_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, weights: str
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / weights).write_bytes(b"not this")
    settings = EncoderSettings.model_validate({"name": name, "weights": weights})
    assert settings.facts() == settings.model_dump(mode="json")
    unused = EncoderSettings(name="unet", weights=str(tmp_path / weights))
    assert unused.facts() == unused.model_dump(mode="json")
