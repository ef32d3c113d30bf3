from __future__ import annotations

import pytest

from components.contracts.process.errors import StreetloopError
from components.train.alarm import check_loss_scale, collapse_warning, finite_means


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


def test_losses_are_averaged_and_the_first_one_that_is_no_number_is_named() -> None:
    rows = [{"a": 1.0, "b": 2.0}, {"a": 3.0, "b": 4.0}]
    assert finite_means(rows, 7) == {"a": 2.0, "b": 3.0}
    nan, inf = float("nan"), float("inf")
    rows += [{"a": 1.0, "b": inf}, {"a": nan, "b": nan}]
    with pytest.raises(StreetloopError, match="b is inf at step 9"):
        finite_means(rows, 10)


def test_a_loss_scale_that_never_gets_small_enough_stops_the_fit() -> None:
    check_loss_scale(None, 3)
    check_loss_scale(1.0, 3)
    with pytest.raises(StreetloopError, match=r"at step 40 .* scaled by 0\.5.*mixed_bfloat16"):
        check_loss_scale(0.5, 40)
