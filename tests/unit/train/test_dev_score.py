"""The best model: which candidate is kept, and what an undefined score means."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np

from components.train import dev_score
from components.train.dev_score import BestModel, score_on_dev
from tests.support.fits import data_of, settings_of


def candidate(number: int) -> Any:
    weights = [np.array(number)]
    return SimpleNamespace(candidate=SimpleNamespace(get_weights=lambda: weights))


def test_best_model_is_replaced_by_a_higher_score_only() -> None:
    best = BestModel()
    for step, miou in enumerate([0.0, 0.3, 0.3, 0.2], 1):
        best.replace_if_better(miou, step, candidate(step))
    assert (best.miou, best.step, best.since) == (0.3, 2, 2)
    assert best.weights == [2]
    assert [best.is_final(patience) for patience in (0, 1, 2, 3)] == [False, True, True, False]


def test_best_model_is_the_latest_one_where_scores_are_undefined() -> None:
    best = BestModel()
    for step in (1, 2, 3):
        best.replace_if_better(None, step, candidate(step))
    assert (best.miou, best.step, best.since, best.weights) == (None, 3, 0, [3])
    assert not best.is_final(1)


def test_best_model_is_restored_from_its_numbers() -> None:
    best, other = BestModel(0.4, 7, 2, [np.array(1)]), BestModel()
    other.restore(best.numbers() | {"step": 9}, best.weights)
    assert other == best


def test_score_on_dev_leaves_undefined_scores_out(monkeypatch: Any) -> None:
    """No labeled pixel on dev is no score, and not a score of 0."""
    monkeypatch.setattr(dev_score, "settle", lambda *_: None)
    networks: Any = SimpleNamespace(average_into_candidate=lambda: None, candidate=None)
    confusion = np.zeros((19, 19), np.int64)
    monkeypatch.setattr(dev_score, "score", lambda *_: confusion)
    about: Any = (networks, None, data_of(), settings_of(), 0)
    assert score_on_dev(*about) == {}
    confusion[3, 4] = 5
    assert score_on_dev(*about) == {"dev/miou": 0, "dev/pixel_accuracy": 0, "dev/dice": 0}
