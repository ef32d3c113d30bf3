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
def test_collapse_warning_is_silent_about_a_healthy_discriminator(means: dict[str, float]) -> None:
    assert collapse_warning(means) is None


@pytest.mark.parametrize("means", [_means(0.01, 0.9, 0.9), _means(0.1, 0.99, 0.995)])
def test_collapse_warning_names_a_discriminator_that_has_won(means: dict[str, float]) -> None:
    assert "has won" in (collapse_warning(means) or "")


@pytest.mark.parametrize("means", [_means(0.7, 1.0, 0.0), _means(0.71, 0.0, 1.0)])
def test_collapse_warning_names_a_discriminator_that_has_given_up(means: dict[str, float]) -> None:
    warning = collapse_warning(means) or ""
    assert "given up" in warning
    assert ("real" if means["discriminator_accuracy_real"] else "predicted") in warning


def test_finite_means_averages_and_names_the_first_number_that_is_not_finite() -> None:
    rows = [{"a": 1.0, "b": 2.0}, {"a": 3.0, "b": 4.0}]
    assert finite_means(rows, 7) == {"a": 2.0, "b": 3.0}
    nan, inf = float("nan"), float("inf")
    rows += [{"a": 1.0, "b": inf}, {"a": nan, "b": nan}]
    with pytest.raises(StreetloopError, match="b is inf at step 9"):
        finite_means(rows, 10)


def test_finite_means_names_a_gradient_norm_unless_loss_scaling_skips_the_step() -> None:
    rows = [{"a": 1.0, "gradient_norm": 2.0}, {"a": 3.0, "gradient_norm": float("inf")}]
    with pytest.raises(StreetloopError, match="gradient_norm is inf at step 8"):
        finite_means(rows, 8)
    assert finite_means(rows, 8, loss_scale=4.0) == {"a": 2.0, "gradient_norm": 2.0}
    assert finite_means(rows[1:], 8, loss_scale=4.0) == {"a": 3.0}


def test_check_loss_scale_stops_a_fit_whose_gradients_always_overflow() -> None:
    check_loss_scale(None, 3)
    check_loss_scale(1.0, 3)
    with pytest.raises(StreetloopError, match=r"at step 40 .* scaled by 0\.5.*mixed_bfloat16"):
        check_loss_scale(0.5, 40)
