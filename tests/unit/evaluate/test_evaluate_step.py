"""The evaluation as a step: what the gate looks at, and where its decision goes."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from components.contracts.ledger.campaign import create_campaign
from components.contracts.ledger.lease import close_cycle, open_cycle
from components.contracts.ledger.ledger import Ledger
from components.contracts.step.context import Context
from components.contracts.step.results import EvaluateResult
from components.contracts.storage.open import open_storage
from components.evaluate import step
from components.evaluate.assess import Assessment
from components.evaluate.calibration import Calibration

CHAMPION, CHALLENGER = "a" * 64, "b" * 64
RECIPE = {
    "name": "gate",
    "seed": 0,
    "inference": {},
    "evaluate": {"gate": {"margin": 0.01, "protected": ["person"], "max_drop": 0.05}},
}


def _assessment(road: int, person: int) -> Assessment:
    """IoU in percent of two classes of 100 pixels each; misses go to a class without labels."""
    matrix = np.zeros((19, 19), np.int64)
    matrix[0, [0, 18]] = road, 100 - road
    matrix[11, [11, 18]] = person, 100 - person
    return Assessment(matrix, {}, 1, None, Calibration())


class Campaign:
    """A campaign whose open cycle 2 has a challenger; its models' scores are given, not computed."""

    def __init__(self, root: Path, patch: pytest.MonkeyPatch) -> None:
        self.root = str(root)
        self.scored: list[tuple[str, str, Any]] = []
        self.scores: dict[tuple[str, str], Assessment] = {}
        self.ledger = create_campaign(open_storage(self.root), "gate", RECIPE, {})
        lease = open_cycle(self.ledger, "one", 60)
        row = {"cycle": 1, "model": CHAMPION, "metrics": {}, "reasons": ["first"]}
        self.ledger.commit("promotion", "promote/1", row, fence=lease.fence)
        close_cycle(self.ledger, 1, lease.fence, "done", None, {})
        self.lease = open_cycle(self.ledger, "two", 60)
        records = SimpleNamespace(ids=lambda split: [split])
        patch.setattr(step, "begin", lambda name: None)
        patch.setattr(Context, "records", lambda context, prefix: records)
        patch.setattr(Context, "predictor", lambda context, model: model)
        patch.setattr(step, "assess", self._assess)
        patch.setattr(step, "_track", lambda context, model, result: None)
        patch.setattr(step, "pictures_of", lambda predictor, records, ids: {})
        patch.setattr(step, "examples_of", lambda predictor, records, confused: [])
        patch.setattr(step, "watched_pictures", lambda predictor, records, count: {})
        patch.setattr(step, "figures_of", lambda found: {"confusion": b"", "class_iou": b""})
        patch.setattr(step, "model_page", lambda *args, **named: args[3].reasons[0])

    def _assess(self, model: str, records: Any, split: str, *more: Any, **named: Any) -> Assessment:
        self.scored.append((model, split, records))
        return self.scores[model, split]

    def evaluate(self, cycle: int) -> EvaluateResult:
        fence = self.lease.fence
        recipe = json.dumps(RECIPE)
        return step.run(recipe, self.root, cycle, fence, "records/one", CHALLENGER)


@pytest.fixture
def campaign(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Campaign:
    (tmp_path / "root" / "records" / "one").mkdir(parents=True)
    return Campaign(tmp_path / "root", monkeypatch)


def _reasons(campaign: Campaign, cycle: int) -> list[str] | None:
    found = Ledger(open_storage(campaign.root)).events()
    promotions = [e.payload for e in found if e.kind == "promotion"]
    return next((p.reasons for p in promotions if p.cycle == cycle), None)


def test_both_models_are_scored_on_the_same_dev_images_in_the_same_run(campaign: Campaign) -> None:
    campaign.scores = {
        (CHAMPION, "dev"): _assessment(50, 50),
        (CHALLENGER, "dev"): _assessment(60, 50),
        (CHALLENGER, "val"): _assessment(1, 1),  # as bad as it may be: val decides nothing
    }
    outputs = campaign.evaluate(2)
    assert [(m, s) for m, s, _ in campaign.scored] == [
        (CHALLENGER, "dev"),
        (CHAMPION, "dev"),
        (CHALLENGER, "val"),
    ]
    assert len({id(records) for _, _, records in campaign.scored}) == 1
    assert outputs.promoted is True
    assert _reasons(campaign, 2) == outputs.reasons
    page = Path(campaign.root, outputs.report).read_text()
    assert page == outputs.reasons[0]
    champion = Ledger(open_storage(campaign.root)).state().champion
    assert champion is not None
    assert champion.model == CHALLENGER


def test_a_cycle_that_trained_again_promotes_what_it_trained_last(campaign: Campaign) -> None:
    """An interrupted cycle has promoted a model, and resumes with other settings."""
    campaign.scores = {
        (CHAMPION, "dev"): _assessment(50, 50),
        (CHALLENGER, "dev"): _assessment(60, 50),
        (CHALLENGER, "val"): _assessment(60, 50),
    }
    earlier = {"cycle": 2, "model": "e" * 64, "metrics": {}, "reasons": ["earlier"]}
    campaign.ledger.commit("promotion", "promote/2", earlier, fence=campaign.lease.fence)
    assert campaign.evaluate(2).promoted is True
    assert campaign.evaluate(2).promoted is True  # once more, after a kill
    state = Ledger(open_storage(campaign.root)).state()
    assert state.champion is not None
    assert state.champion.model == CHALLENGER
    assert [c.model for c in state.champions] == [CHAMPION, "e" * 64, CHALLENGER]


@pytest.mark.parametrize(
    ("dev", "words"),
    [((51, 50), "not more than the margin"), ((90, 44), "Protected class person falls")],
    ids=["not better by the margin", "a protected class falls"],
)
def test_a_challenger_that_only_val_likes_is_not_promoted(
    campaign: Campaign, dev: tuple[int, int], words: str
) -> None:
    campaign.scores = {
        (CHAMPION, "dev"): _assessment(50, 50),
        (CHALLENGER, "dev"): _assessment(*dev),
        (CHALLENGER, "val"): _assessment(100, 100),
    }
    outputs = campaign.evaluate(2)
    assert outputs.promoted is False
    assert any(words in reason for reason in outputs.reasons)
    assert _reasons(campaign, 2) is None


def test_a_retry_after_the_promotion_decides_the_same_and_promotes_once(campaign: Campaign) -> None:
    campaign.scores = {
        (CHAMPION, "dev"): _assessment(50, 50),
        (CHALLENGER, "dev"): _assessment(60, 50),
        (CHALLENGER, "val"): _assessment(60, 60),
    }
    first = campaign.evaluate(2)
    Path(campaign.root, "work", "2", "evaluate.done.json").unlink()  # killed before its marker
    version = Ledger(open_storage(campaign.root)).state().version
    assert campaign.evaluate(2) == first
    assert Ledger(open_storage(campaign.root)).state().version == version


@pytest.mark.parametrize("broken", ["figures_of", "model_page", "_store", "_track"])
def test_a_failure_before_the_end_promotes_nothing_and_a_retry_does(
    campaign: Campaign, monkeypatch: pytest.MonkeyPatch, broken: str
) -> None:
    campaign.scores = {
        (CHALLENGER, "dev"): _assessment(90, 90),
        (CHAMPION, "dev"): _assessment(50, 50),
        (CHALLENGER, "val"): _assessment(90, 90),
    }

    def fail(*args: Any, **named: Any) -> None:
        raise RuntimeError("cannot be drawn")

    with monkeypatch.context() as patch:
        patch.setattr(step, broken, fail)
        with pytest.raises(RuntimeError):
            campaign.evaluate(2)
    assert campaign.ledger.state().champion.model == CHAMPION
    assert campaign.evaluate(2).promoted
    assert campaign.ledger.state().champion.model == CHALLENGER


def test_a_dev_without_a_label_does_not_stop_a_campaign(campaign: Campaign) -> None:
    campaign.scores = {
        (CHALLENGER, "dev"): _nothing(),
        (CHAMPION, "dev"): _nothing(),
        (CHALLENGER, "val"): _nothing(),
    }
    assert campaign.evaluate(2).promoted
    assert _reasons(campaign, 2) == [
        "There is no dev label to compare on: the newest model is used."
    ]


def _nothing() -> Assessment:
    return Assessment(np.zeros((19, 19), np.int64), {}, 1, None, Calibration())
