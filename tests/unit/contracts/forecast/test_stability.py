"""Whether predictions have stabilised, in numbers and words."""

from __future__ import annotations

import pytest

from components.contracts.forecast.stability import stability_of


def test_the_mean_of_three_comparisons_decides() -> None:
    found = stability_of(0.995, 6, 90, [0.5, 0.985, 0.993], 0.99)
    assert found.mean == pytest.approx(0.991)
    assert found.stable
    assert found.words == (
        "Agreement with cycle 6 on 90 images of the pool: kappa 0.995, 0.991 over three cycles (stable from "
        "0.99): predictions have stabilised."
    )
    assert found.metrics() == {"pool/kappa": 0.995, "pool/kappa_mean": pytest.approx(0.991)}


def test_below_the_threshold_predictions_still_change() -> None:
    found = stability_of(1.0, 6, 90, [0.9, 0.985], 0.99)
    assert not found.stable
    assert found.words.endswith("predictions still change.")


def test_fewer_than_three_comparisons_decide_nothing() -> None:
    found = stability_of(1.0, 2, 1, [1.0], 0.99)
    assert (found.mean, found.stable) == (None, False)
    assert found.words == "Agreement with cycle 2 on 1 image of the pool: kappa 1.000."
    assert found.metrics()["pool/kappa_mean"] is None
