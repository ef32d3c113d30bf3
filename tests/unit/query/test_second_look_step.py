"""The query step with strategies that look again, on a campaign that an old version has made."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from components.contracts.data.records import Records
from components.contracts.model.files import load_generator
from components.contracts.model.judge import load_judge
from components.contracts.model.predictor import Predictor
from components.contracts.process.errors import StreetloopError
from components.query import step
from tests.support.asking import MODEL, RECORDS, before_query, in_this_process


@pytest.fixture
def ask(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Return a function that runs the step by a strategy (and `train.network`), and returns the scores."""

    def run(strategy: str, **network: Any) -> dict[str, float]:
        query = {"strategy": strategy, "query_size": 2, "min_gap": 0}
        root = tmp_path / "root"
        given = before_query(root, {"query": query, "train": {"network": network}})
        in_this_process(monkeypatch)
        assert step.run(*given, "records/r").asked == 2
        scores: dict[str, float] = json.loads((root / "queries" / "1" / "scores.json").read_text())
        return scores

    return run


def test_the_champions_own_discriminator_scores_its_predictions(ask: Any) -> None:
    scores = ask("discriminator")
    records, judge = Records(RECORDS), load_judge(MODEL)
    predictor = Predictor(load_generator(MODEL))
    assert sorted(scores) == records.ids("train")
    for image_id, score in list(scores.items())[:3]:
        image = records.read(image_id).image
        logits = judge.logits(predictor.probabilities(image), image)
        assert score == pytest.approx(np.mean(1 / (1 + np.exp(logits))), abs=1e-5)


def test_a_champion_without_dropout_is_refused_before_it_looks_at_anything(ask: Any) -> None:
    with pytest.raises(StreetloopError, match=r"has no dropout.* Set train.network.dropout"):
        ask("bald", dropout=0.2)
