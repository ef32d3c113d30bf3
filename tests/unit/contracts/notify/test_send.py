"""Notifications reach a webhook and a command; one that cannot be delivered is only a log line."""

from __future__ import annotations

import json
import logging
import socket
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from components.contracts.notify import send as sending
from components.contracts.notify.message import Message, shortened
from components.contracts.notify.send import COMMAND, WEBHOOK, send
from components.contracts.recipe.notify import NotifySettings
from tests.support.webhook_server import WebhookServer, webhook_server

MESSAGE = Message(
    event="cycle_failed", campaign="street", root="/runs/street", cycle=3, text="a < b & c"
)
EVERYTHING = NotifySettings()


@pytest.fixture(autouse=True)
def no_receiver(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(WEBHOOK, raising=False)
    monkeypatch.delenv(COMMAND, raising=False)


@pytest.fixture
def server() -> Iterator[WebhookServer]:
    with webhook_server() as running:
        yield running


def test_a_message_reaches_the_webhook_escaped_as_slack_wants(
    server: WebhookServer, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv(WEBHOOK, server.url)
    send(EVERYTHING, MESSAGE)
    assert server.texts == ["a &lt; b &amp; c"]
    assert not caplog.records


def test_an_event_that_the_recipe_leaves_out_is_not_sent(
    server: WebhookServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(WEBHOOK, server.url)
    send(NotifySettings(events=["champion_changed"]), MESSAGE)
    assert server.texts == []


def test_an_error_of_the_server_is_logged_without_the_address(
    server: WebhookServer, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv(WEBHOOK, server.url)
    server.status = 503
    with caplog.at_level(logging.INFO):
        send(EVERYTHING, MESSAGE)
    assert "the webhook answered 503. Check $STREETLOOP_WEBHOOK_URL." in caplog.text
    assert "s3cret" not in caplog.text


def test_a_redirect_is_not_followed(
    server: WebhookServer, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv(WEBHOOK, server.url)
    server.status, server.location = 307, server.url + "/elsewhere"
    send(EVERYTHING, MESSAGE)
    assert len(server.texts) == 1
    assert "answered 307" in caplog.text


@pytest.mark.parametrize(
    "address",
    ["http://127.0.0.1:{port}/s3cret", "ftp://host/s3cret", "s3cret", "http://[s3cret", "http://"],
)
def test_an_unusable_webhook_raises_nothing_and_is_not_quoted(
    address: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    with socket.socket() as unused:  # bound and not listening: connections are refused
        unused.bind(("127.0.0.1", 0))
        monkeypatch.setenv(WEBHOOK, address.format(port=unused.getsockname()[1]))
        with caplog.at_level(logging.INFO):
            send(EVERYTHING, MESSAGE)
    assert "The notification was not delivered: the webhook" in caplog.text
    assert "s3cret" not in caplog.text


def test_a_server_that_never_answers_holds_nobody_longer_than_the_limit(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(sending, "_WEBHOOK_SECONDS", 0.3)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        monkeypatch.setenv(WEBHOOK, f"http://127.0.0.1:{silent.getsockname()[1]}/s3cret")
        started = time.monotonic()
        send(EVERYTHING, MESSAGE)
        assert time.monotonic() - started < 5
        silent.accept()[0].close()
    for thread in threading.enumerate():
        if thread.name == "notify":
            thread.join()
    assert "did not answer" in caplog.text


def test_a_command_gets_the_message_as_json(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept = tmp_path / "with space.json"
    monkeypatch.setenv(COMMAND, f"tee '{kept}'")
    send(EVERYTHING, MESSAGE)
    assert json.loads(kept.read_text()) == MESSAGE.model_dump()


@pytest.mark.parametrize(
    ("command", "problem"),
    [
        ("false", "exited with 1"),
        ("/does/not/exist", "could not be started (FileNotFoundError)"),
        ("'open", "has an unmatched quote"),
        (f"{sys.executable} -c 'import time; time.sleep(600)'", "did not end in"),
    ],
    ids=["fails", "missing", "quote", "endless"],
)
def test_a_command_that_fails_is_only_logged(
    command: str,
    problem: str,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setattr(sending, "_COMMAND_SECONDS", 0.5)
    monkeypatch.setenv(COMMAND, command)
    send(EVERYTHING, MESSAGE)
    assert f"the command {problem}" in caplog.text


def test_a_long_error_becomes_one_short_line() -> None:
    assert shortened("one\n  two") == "one two"
    assert len(shortened("x" * 9000)) == 500
