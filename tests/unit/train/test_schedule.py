"""The learning rate: warm-up, then down to zero, by formulas computed by hand."""

from __future__ import annotations

import pytest

from components.contracts.recipe.train import OptimizerSettings
from components.train.schedule import learning_rate_factor


def _factors(**settings):
    wanted = OptimizerSettings.model_validate(settings)
    return [learning_rate_factor(step, 100, wanted) for step in range(101)]


@pytest.mark.parametrize(
    ("schedule", "half"), [("poly", 0.5**0.9), ("cosine", 0.5)], ids=["poly", "cosine"]
)
def test_schedule_falls_from_one_to_zero(schedule, half):
    factors = _factors(schedule=schedule, warmup_steps=0)
    assert factors[0] == 1
    assert factors[50] == pytest.approx(half)
    assert factors[100] == pytest.approx(0)
    assert factors == sorted(factors, reverse=True)


@pytest.mark.parametrize("schedule", ["poly", "cosine"])
def test_schedule_warms_up_in_equal_steps(schedule):
    warm = _factors(schedule=schedule, warmup_steps=4)
    cold = _factors(schedule=schedule, warmup_steps=0)
    shares = [w / c for w, c in zip(warm[:6], cold[:6], strict=True)]
    assert shares == pytest.approx([0.2, 0.4, 0.6, 0.8, 1, 1])
    assert warm[5:] == cold[5:]
