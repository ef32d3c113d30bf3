"""From a map of doubt to an image's number: what every aggregation keeps to, and values by hand."""

from __future__ import annotations

from typing import get_args

import numpy as np
import pytest
from pydantic import ValidationError

from components.contracts.recipe.query import AggregationName, QuerySettings
from components.query.aggregation import aggregate_by, mean, per_class, top
from components.query.facts import facts_of
from components.query.strategies.disagreement import divergence
from tests.unit.query.test_measures import probabilities

DOUBT = np.array([[0.1, 0.2, 0.3, 0.4], [0.8, 0.6, 0.0, 0.4]], np.float32)
CLASSES = np.array([[0, 0, 0, 0], [5, 5, 0, 18]])
every = pytest.mark.parametrize("name", get_args(AggregationName))


@every
def test_an_image_that_is_equally_doubtful_everywhere_has_that_doubt(name: AggregationName) -> None:
    aggregate = aggregate_by(QuerySettings(aggregation=name))
    assert aggregate(np.full((2, 4), 0.3, np.float32), CLASSES) == pytest.approx(0.3)


@every
def test_a_number_that_is_not_finite_stays_one(name: AggregationName) -> None:
    doubt = DOUBT.copy()
    doubt[1, 2] = np.nan
    assert np.isnan(aggregate_by(QuerySettings(aggregation=name))(doubt, CLASSES))


def test_aggregations_by_hand() -> None:
    assert mean(DOUBT, CLASSES) == pytest.approx(2.8 / 8)
    assert top(DOUBT, CLASSES, 0.25) == pytest.approx((0.8 + 0.6) / 2)
    assert top(DOUBT, CLASSES, 1.0) == pytest.approx(mean(DOUBT, CLASSES))
    assert top(DOUBT, CLASSES, 1e-9) == pytest.approx(0.8)  # one pixel at least
    # Class 0 has five pixels with 1.0 together, class 5 two with 1.4, class 18 one with 0.4.
    assert per_class(DOUBT, CLASSES) == pytest.approx((0.2 + 0.7 + 0.4) / 3)


@every
def test_every_measure_is_aggregated_as_the_recipe_says(name: AggregationName) -> None:
    settings = QuerySettings(aggregation=name, top_share=0.2)
    prediction = probabilities(3)
    second = {"disagreement": divergence(prediction, prediction[::-1])}
    facts = facts_of(prediction, np.zeros(2), second, aggregate_by(settings))
    plain = facts_of(prediction, np.zeros(2), second)
    assert facts.uncertainty.keys() == plain.uncertainty.keys()
    for measure in plain.uncertainty:
        same = facts.uncertainty[measure] == pytest.approx(plain.uncertainty[measure], rel=1e-6)
        assert same == (name == "mean")
    # What is not doubt stays what it is.
    assert facts.confidence == pytest.approx(prediction.max(-1).mean())
    np.testing.assert_array_equal(facts.class_uncertainty, plain.class_uncertainty)


def test_a_share_of_no_pixels_is_refused() -> None:
    with pytest.raises(ValidationError, match="greater than 0"):
        QuerySettings(top_share=0.0)
