import numpy as np
import pytest

from components.contracts.process.errors import StreetloopError
from components.contracts.recipe.evaluate import GateSettings
from components.contracts.scores.summary import summarize
from components.evaluate.gate import decide


def _scores(road=50, person=50, labeled_person=100):
    """IoU in percent of two classes of 100 pixels; misses go to `not scored`."""
    matrix = np.zeros((19, 20), np.int64)
    matrix[0, [0, 19]] = road, 100 - road
    matrix[11, [11, 19]] = person, labeled_person - person
    return summarize(matrix)


def _decide(challenger, champion, margin=0.01, protected=("person",), max_drop=0.05):
    gate = GateSettings(margin=margin, protected=protected, max_drop=max_drop)
    return decide(challenger, champion, gate)


def test_gate_promotes_the_first_model():
    decision = _decide(_scores(), None)
    assert decision.promote
    assert "no champion" in decision.reasons[0]


def test_gate_promotes_a_gain_above_the_margin():
    decision = _decide(_scores(road=54), _scores())
    assert decision.promote
    assert "+2.00 points" in decision.reasons[0]


@pytest.mark.parametrize("road", [40, 50, 51, 52])
def test_gate_rejects_a_gain_up_to_the_margin(road):
    decision = _decide(_scores(road=road), _scores())
    assert not decision.promote
    assert "not more" in decision.reasons[0]


def test_gate_rejects_a_protected_class_that_falls_too_far():
    decision = _decide(_scores(road=90, person=44), _scores())
    assert not decision.promote
    assert any("person falls from 50.00 % to 44.00 %" in reason for reason in decision.reasons)


def test_gate_allows_a_protected_class_to_fall_by_the_limit():
    assert _decide(_scores(road=90, person=45), _scores()).promote


def test_gate_allows_an_unprotected_class_to_fall():
    assert _decide(_scores(road=90, person=44), _scores(), protected=("road",)).promote


def test_gate_ignores_a_protected_class_without_labels():
    decision = _decide(
        _scores(road=60, person=0, labeled_person=0), _scores(person=0, labeled_person=0)
    )
    assert decision.promote
    assert any("person does not occur" in reason for reason in decision.reasons)


def test_gate_refuses_scores_of_different_images():
    with pytest.raises(StreetloopError, match="same dev images"):
        _decide(_scores(), _scores(labeled_person=90))


def test_gate_refuses_a_challenger_without_labels():
    with pytest.raises(StreetloopError, match="no labeled pixel"):
        _decide(summarize(np.zeros((19, 19), np.int64)), None)
