"""People are told once what a cycle led to; what cannot be delivered never fails the cycle."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from components.contracts.ledger.layout import CAMPAIGN_PAGE, cycle_report, labels_page
from components.contracts.ledger.lease import NO_CYCLE, open_cycle
from components.contracts.ledger.ledger import Ledger
from components.contracts.notify.send import COMMAND, WEBHOOK
from components.contracts.process.errors import StreetloopError
from components.contracts.recipe.recipe import load
from components.contracts.scores.drift import Drift
from components.contracts.step.context import Context
from components.contracts.step.done import run_once
from components.contracts.step.plan import Plan
from components.contracts.step.report import CycleReport
from components.contracts.step.results import FeedbackResult, QueryResult
from components.contracts.storage.open import open_storage
from components.cycle import close, finish
from components.cycle import open as open_step
from components.cycle.news import tell_closed, tell_rollback
from components.cycle.runs import report_metrics
from tests.support.webhook_server import WebhookServer, webhook_server

CAMPAIGNS = Path(__file__).parents[2] / "fixtures" / "campaigns"


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[WebhookServer]:
    monkeypatch.delenv(COMMAND, raising=False)
    with webhook_server() as running:
        monkeypatch.setenv(WEBHOOK, running.url)
        yield running


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return Path(shutil.copytree(CAMPAIGNS / "v0.1", tmp_path / "campaign"))


def context_of(root: Path, *changes: str) -> Context:
    """A third cycle of the campaign, open."""
    recipe = load(CAMPAIGNS / "recipe.yaml", changes)
    lease = open_cycle(Ledger(open_storage(str(root))), "me", 600)
    return Context(recipe.resolved(), str(root), lease.cycle, lease.fence)


def report_of(context: Context, **changes: object) -> CycleReport:
    text = context.storage.read(cycle_report(2))
    return CycleReport.model_validate_json(text).model_copy(
        update={"cycle": context.cycle, "promoted": False, "queried": 0, **changes}
    )


def ask(context: Context, image_id: str) -> None:
    item = {"image_id": image_id, "score": 1.0, "reason": "unsure", "cost": 1.0}
    content = {"cycle": context.cycle, "strategy": "entropy", "model": None, "items": [item]}
    context.ledger.commit("query", f"query/{context.cycle}", content, fence=context.fence)


def unlabeled(root: Path) -> str:
    """An image of the campaign that it has not asked for so far."""
    return "dornheim_000000_000099"


def test_people_are_told_what_a_cycle_waits_for(root: Path, server: WebhookServer) -> None:
    context = context_of(root, "feedback.oracle=false")
    before = len(context.ledger.state().outstanding)
    ask(context, unlabeled(root))
    tell_closed(context, report_of(context, queried=1))
    images = "1 image" if before == 0 else f"{before + 1} images"
    assert server.texts == [
        f"frozen: Waiting for labels of {images}. Tasks: {root}/queries/{context.cycle}"
    ]


@pytest.mark.parametrize("oracle", ["true", "false"])
def test_nobody_is_told_of_an_oracles_labels_or_twice_of_the_same(
    root: Path, server: WebhookServer, oracle: str
) -> None:
    context = context_of(root, f"feedback.oracle={oracle}")
    if oracle == "true":
        ask(context, unlabeled(root))
    tell_closed(context, report_of(context))
    assert server.texts == []


def test_a_new_champion_is_reported_with_its_score(root: Path, server: WebhookServer) -> None:
    context = context_of(root)
    report = report_of(context, promoted=True, reasons=["Better by 2 points."])
    assert report.dev is not None
    assert report.dev.miou is not None
    tell_closed(context, report)
    assert server.texts == [
        f"frozen: Model {(report.model or '')[:12]} of cycle 3 is the champion, mIoU "
        f"{100 * report.dev.miou:.1f} %. Better by 2 points."
    ]


@pytest.mark.parametrize(
    ("labeled", "told"), [(9, 0), (10, 1), (12, 1)], ids=["below", "at", "above"]
)
def test_the_end_of_the_budget_is_reported(
    root: Path, server: WebhookServer, labeled: int, told: int
) -> None:
    context = context_of(root, "query.label_budget=10")
    tell_closed(context, report_of(context, labeled=labeled))
    assert len([text for text in server.texts if "label budget of 10 images" in text]) == told


def test_a_budget_that_an_earlier_cycle_has_reached_is_not_reported_again(
    root: Path, server: WebhookServer
) -> None:
    context = context_of(root, "query.label_budget=4")
    assert max(c.summary.labeled or 0 for c in context.ledger.state().cycles.values()) >= 4
    tell_closed(context, report_of(context, labeled=9))
    assert server.texts == []


def test_a_failed_cycle_is_reported_with_the_error_of_its_step(
    root: Path, server: WebhookServer
) -> None:
    context = context_of(root)

    def body() -> CycleReport:
        raise ValueError("The disk is full.")

    with pytest.raises(ValueError, match="The disk is full"):
        run_once(context.storage, context.cycle, "train", {}, CycleReport, body, context.fence)
    close.run(context.recipe.resolved(), str(root), "me", "exit-handler-1 failed")
    assert server.texts == [
        "frozen: Cycle 3 failed. The train step failed. ValueError: The disk is full. "
        "The next run resumes it."
    ]
    current = context.ledger.state().open_cycle
    assert current is not None
    assert current.released


def test_a_failed_cycle_is_not_reported_with_the_error_of_an_earlier_run(
    root: Path, server: WebhookServer
) -> None:
    context = context_of(root)
    assert context.fence

    def body() -> CycleReport:
        raise ValueError("The disk is full.")

    with pytest.raises(ValueError, match="The disk is full"):
        run_once(context.storage, 3, "evaluate", {}, CycleReport, body, context.fence - 1)
    close.run(context.recipe.resolved(), str(root), "me", "train was killed")
    assert server.texts == ["frozen: Cycle 3 failed. train was killed The next run resumes it."]


@pytest.fixture
def waiting(root: Path) -> Context:
    """A third cycle that has asked for an image, and is to be closed."""
    context = context_of(root, "feedback.oracle=false")
    ask(context, unlabeled(root))
    feedback = FeedbackResult(
        plan=Plan.ASK,
        labeled=4,
        new_labels=0,
        waiting=0,
        version=context.ledger.state().version,
        records="records/r",
        report=labels_page(3),
    )
    context.storage.write(labels_page(3), b"<p>none</p>")
    run_once(context.storage, 3, "feedback", {}, FeedbackResult, lambda: feedback)
    asked = QueryResult(asked=1, prefix=None)
    run_once(context.storage, 3, "query", {}, QueryResult, lambda: asked)
    return context


@pytest.mark.parametrize("broken", ["write_campaign_page", "mirror_cycle"])
def test_a_closing_that_was_interrupted_is_finished_by_the_next_attempt(
    waiting: Context, server: WebhookServer, monkeypatch: pytest.MonkeyPatch, broken: str
) -> None:
    def refuse(*arguments: object) -> None:
        raise StreetloopError("The server refused.")

    with monkeypatch.context() as patch:
        patch.setattr(finish, broken, refuse)
        with pytest.raises(StreetloopError, match="refused"):
            close.run(waiting.recipe.resolved(), waiting.root, "me", "")
    assert waiting.ledger.state().open_cycle is None
    for _ in range(2):
        assert close.run(waiting.recipe.resolved(), waiting.root, "me", "") == "<p>none</p>"
    assert waiting.storage.exists(CAMPAIGN_PAGE)
    assert len([text for text in server.texts if "Waiting for labels" in text]) == 1


def test_the_next_run_tells_what_a_killed_closing_did_not(
    waiting: Context, server: WebhookServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    def kill(*arguments: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(close, "finish", kill)
    with pytest.raises(KeyboardInterrupt):
        close.run(waiting.recipe.resolved(), waiting.root, "me", "")
    for owner in ("next", "later"):
        assert open_step.run(waiting.recipe.resolved(), waiting.root, owner, False) == NO_CYCLE
    assert len([text for text in server.texts if "Waiting for labels" in text]) == 1


def test_an_unreachable_webhook_does_not_keep_a_cycle_from_ending(
    root: Path, server: WebhookServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(WEBHOOK, "http://127.0.0.1:1/s3cret")
    context = context_of(root)
    close.run(context.recipe.resolved(), str(root), "me", "exit-handler-1 failed")
    current = context.ledger.state().open_cycle
    assert current is not None
    assert current.released


def test_a_rollback_is_reported(root: Path, server: WebhookServer) -> None:
    recipe = load(CAMPAIGNS / "recipe.yaml")
    tell_rollback(Context(recipe.resolved(), str(root)), "a" * 64, "worse at night")
    assert server.texts == ["frozen: Model aaaaaaaaaaaa is champion again. worse at night"]


def test_the_address_of_the_webhook_is_in_no_file_of_the_campaign(
    root: Path, server: WebhookServer
) -> None:
    context = context_of(root)
    close.run(context.recipe.resolved(), str(root), "me", "failed")
    assert server.texts
    for path in root.rglob("*"):
        assert not path.is_file() or b"s3cret" not in path.read_bytes()
    assert "s3cret" not in json.dumps(context.recipe.values())


def test_people_are_told_of_drift_above_the_limit(root: Path, server: WebhookServer) -> None:
    context = context_of(root)
    drift = Drift(
        images=9, labeled=5, embedding=0.1, chance=0.4, classes=0.25, confidence=-0.05, limit=0.3
    )
    tell_closed(context, report_of(context, drift=drift))
    assert server.texts == []
    tell_closed(context, report_of(context, drift=drift.model_copy(update={"limit": 0.2})))
    assert server.texts == [
        "frozen: The pool differs from the labeled images: embedding distance 0.10 (p 0.400), class "
        "shares 0.250, confidence -5.0 points; above query.drift_limit=0.2."
    ]


def test_the_numbers_of_drift_go_to_mlflow(root: Path) -> None:
    drift = Drift(images=9, labeled=5, embedding=0.1, chance=0.4, classes=0.25, confidence=-0.05)
    metrics = report_metrics(report_of(context_of(root), drift=drift))
    assert {k: v for k, v in metrics.items() if k.startswith("drift/")} == {
        "drift/embedding": 0.1,
        "drift/chance": 0.4,
        "drift/classes": 0.25,
        "drift/confidence": -0.05,
    }
