from __future__ import annotations

import pytest

from components.train.alarm import collapse_warning


def _means(loss: float, real: float, fake: float) -> dict[str, float]:
    return {
        "discriminator_loss": loss,
        "discriminator_accuracy_real": real,
        "discriminator_accuracy_fake": fake,
    }


@pytest.mark.parametrize("means", [_means(0.3, 0.9, 0.8), _means(0.65, 0.6, 0.55), {}])
def test_a_healthy_discriminator_raises_no_alarm(means: dict[str, float]) -> None:
    assert collapse_warning(means) is None


@pytest.mark.parametrize("means", [_means(0.01, 0.9, 0.9), _means(0.1, 0.99, 0.995)])
def test_a_discriminator_that_has_won_is_named(means: dict[str, float]) -> None:
    assert "has won" in (collapse_warning(means) or "")


@pytest.mark.parametrize("means", [_means(0.7, 1.0, 0.0), _means(0.71, 0.0, 1.0)])
def test_a_discriminator_that_calls_everything_the_same_is_named(means: dict[str, float]) -> None:
    warning = collapse_warning(means) or ""
    assert "given up" in warning
    assert ("real" if means["discriminator_accuracy_real"] else "predicted") in warning
