from types import SimpleNamespace

import numpy as np
import pytest

from components.contracts.process.errors import StreetloopError
from components.query.select import Scored, score_at_random, score_by_model, select

IDS = [f"city_{k:06d}_000019" for k in range(40)]


class FakeRecords:
    """Each image is one grey value: how sure the model is, in percent."""

    def __init__(self, sure):
        self.sure = sure

    def read(self, image_id):
        return SimpleNamespace(image=np.full((4, 6, 3), self.sure[image_id], np.uint8))


class FakePredictor:
    """As sure of class 13 (car) as the image is bright; the rest is shared by the others."""

    def probabilities(self, image):
        sure = image[..., :1] / np.float32(100)
        out = np.repeat((1 - sure) / 18, 19, axis=-1).astype(np.float32)
        out[..., 13:14] = sure
        return out


def scored(**scores):
    return [Scored(image_id, score, "because") for image_id, score in scores.items()]


def test_select_takes_the_highest_scores_in_descending_order():
    assert [s.image_id for s in select(scored(a=0.1, b=0.9, c=0.5), 2)] == ["b", "c"]


def test_select_breaks_ties_by_id():
    rows = scored(d=0.5, b=0.5, a=0.5, c=0.5)
    assert [s.image_id for s in select(rows, 3)] == ["a", "b", "c"]
    assert select(rows[::-1], 3) == select(rows, 3)


@pytest.mark.parametrize(("count", "taken"), [(-1, 0), (0, 0), (2, 2), (99, 2)])
def test_select_takes_no_more_than_the_count_or_the_candidates(count, taken):
    assert len(select(scored(a=0.1, b=0.2), count)) == taken


@pytest.mark.parametrize("strategy", ["entropy", "margin", "least_confidence"])
def test_score_by_model_ranks_the_least_certain_image_first(strategy):
    sure = {"a": 90, "b": 30, "c": 60}
    rows = score_by_model(FakePredictor(), FakeRecords(sure), ["c", "a", "b"], strategy)
    assert [s.image_id for s in rows] == ["a", "b", "c"]  # sorted; ranking comes later
    assert [s.image_id for s in select(rows, 3)] == ["b", "c", "a"]
    assert all("car" in s.reason for s in rows)


def test_score_by_model_reports_progress():
    seen = []
    sure = {"a": 90, "b": 30}
    score_by_model(FakePredictor(), FakeRecords(sure), ["a", "b"], "entropy", seen.append)
    assert seen == [1, 2]


def test_score_by_model_rejects_a_score_that_is_not_finite():
    class Broken(FakePredictor):
        def probabilities(self, image):
            return super().probabilities(image) * np.float32("nan")

    with pytest.raises(StreetloopError, match="entropy score of a is not finite: nan"):
        score_by_model(Broken(), FakeRecords({"a": 50}), ["a"], "entropy")


def test_score_at_random_depends_on_id_seed_and_cycle_alone():
    first = score_at_random(IDS, seed=1, cycle=2)
    assert score_at_random(IDS[::-1], seed=1, cycle=2) == first
    assert score_at_random(IDS[5:9], seed=1, cycle=2) == first[5:9]
    for other in (score_at_random(IDS, 2, 2), score_at_random(IDS, 1, 3)):
        assert [s.score for s in other] != [s.score for s in first]
        assert {s.image_id for s in select(other, 8)} != {s.image_id for s in select(first, 8)}


def test_score_at_random_is_uniform():
    draws = [s.score for s in score_at_random([f"i{k}" for k in range(2000)], 0, 0)]
    counts, _ = np.histogram(draws, bins=10, range=(0, 1))
    assert counts.sum() == 2000
    assert counts.min() > 150


def test_a_scored_image_becomes_plain_json():
    (row,) = scored(a=0.25)
    assert row.to_json() == {"image_id": "a", "score": 0.25, "reason": "because", "cost": 1.0}
