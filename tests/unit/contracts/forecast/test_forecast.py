"""A forecast in numbers and words, and when there is none."""

from __future__ import annotations

import pytest

from components.contracts.forecast.forecast import Forecast, forecast_of


def law(labels: float) -> float:
    return 0.8 - 0.5 * (labels / 8) ** -0.5


RISING = [(n, law(n)) for n in (8, 16, 24, 32, 40, 48, 56, 64)]


def forecast(points: list[tuple[int, float]], target: float | None = None) -> Forecast:
    found = forecast_of(points, target)
    assert found is not None
    return found


def test_the_labels_for_a_target_are_those_of_the_law() -> None:
    found = forecast(RISING, 0.65)
    assert (found.outcome, found.given, found.points) == ("forecast", True, 8)
    # 0.65 = 0.8 - 0.5 (n / 8)^-0.5, so n = 8 * (10 / 3)^2 = 88.9: 25 more than 64
    assert found.labels == pytest.approx(25, abs=3)
    assert found.low is not None
    assert found.high is not None
    assert found.low < 25 < found.high
    words = f"About {found.labels} more labels for 65.0 % mIoU; 80 % interval: {found.low} to {found.high}."
    assert found.words == words
    assert found.metrics() == {
        "forecast/target": 0.65,
        "forecast/labels": found.labels,
        "forecast/labels_low": found.low,
        "forecast/labels_high": found.high,
    }


def test_without_a_target_five_points_more_are_forecast() -> None:
    found = forecast(RISING)
    assert found.target == pytest.approx(law(64) + 0.05)
    assert "for 5 points more (67.3 % mIoU)" in found.words


def test_the_band_surrounds_the_curve_and_goes_twice_as_far() -> None:
    band = forecast(RISING).band
    assert (band[0].labels, band[-1].labels) == (8, 128)
    for one in band:
        assert one.low < law(one.labels) < one.high
        assert one.middle == pytest.approx(law(one.labels), abs=0.02)


def test_an_interval_without_an_end_says_so() -> None:
    found = forecast([(8, 0.3), (16, 0.4), (24, 0.45)])
    assert found.high is None
    assert found.words.endswith(f"80 % interval: {found.low} or more.")
    assert found.metrics()["forecast/labels_high"] is None


@pytest.mark.parametrize(
    ("points", "words"),
    [
        ([(8, 0.3)], "so far there is 1."),
        ([(8, 0.3), (16, 0.4), (16, 0.42)], "so far there are 2."),
    ],
)
def test_two_different_numbers_of_labels_are_too_few(
    points: list[tuple[int, float]], words: str
) -> None:
    found = forecast(points, 0.6)
    assert (found.outcome, found.labels, found.band) == ("too_few", None, ())
    assert found.words.startswith("How many labels 60.0 % mIoU takes can be said after 3 cycles")
    assert found.words.endswith(words)


@pytest.mark.parametrize(
    "scores", [(0.5, 0.5, 0.5), (0.523, 0.529, 0.511), (0.6, 0.55, 0.5), (0.50, 0.44, 0.51)]
)
def test_a_flat_or_noisy_curve_says_nothing(scores: tuple[float, float, float]) -> None:
    found = forecast(list(zip((19, 39, 59), scores, strict=True)))
    assert (found.outcome, found.labels, found.low, found.high) == ("unclear", None, None, None)
    assert "cannot be said from 3 cycles" in found.words


def test_a_target_that_the_newest_model_has_reached_is_named() -> None:
    found = forecast(RISING, 0.6)
    assert (found.outcome, found.labels) == ("reached", None)
    assert found.words == "The newest model has reached the target of 60.0 % mIoU."
    assert forecast([(8, 0.7)], 0.6).outcome == "reached"


def test_without_a_scored_model_there_is_no_forecast() -> None:
    assert forecast_of([], 0.6) is None
    assert forecast_of([(0, 0.1)], 0.6) is None


def test_a_forecast_survives_json() -> None:
    found = forecast(RISING)
    assert Forecast.model_validate_json(found.model_dump_json()) == found
