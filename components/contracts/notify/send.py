"""Sends a message to a webhook, to a command, or to both.

A message that cannot be delivered is a line in the log: it never stops a cycle. The address of a
webhook is a secret, so neither it nor an exception that may quote it is ever logged.
"""

from __future__ import annotations

import logging
import os
import shlex
import signal
import subprocess
import threading
from contextlib import suppress
from urllib.parse import urlsplit

from components.contracts.notify.message import Message
from components.contracts.recipe.notify import NotifySettings

WEBHOOK = "STREETLOOP_WEBHOOK_URL"
COMMAND = "STREETLOOP_NOTIFY_COMMAND"
_ANSWER_SECONDS = 10.0  # between two bytes of the webhook's answer
_WEBHOOK_SECONDS = 20.0  # in all: a server that sends a byte now and then must not hold a cycle
_COMMAND_SECONDS = 60.0

log = logging.getLogger("streetloop")


def send(settings: NotifySettings, message: Message) -> None:
    """Deliver a message, if the recipe asks for its kind and the environment names a receiver.

    Args:
      settings: which events are reported.
      message: what happened.
    """
    if message.event not in settings.events:
        return
    if url := os.environ.get(WEBHOOK):
        _report("webhook", WEBHOOK, _post(url, message))
    if command := os.environ.get(COMMAND):
        _report("command", COMMAND, _run(command, message))


def _report(receiver: str, variable: str, problem: str | None) -> None:
    if problem is not None:
        log.warning(
            "The notification was not delivered: the %s %s. Check $%s.", receiver, problem, variable
        )


def _post(url: str, message: Message) -> str | None:
    """Post a message as Slack, Mattermost and their like expect it; return what went wrong."""
    try:
        parts = urlsplit(url)
        usable = parts.scheme in ("http", "https") and bool(parts.hostname)
    except ValueError:
        usable = False
    if not usable:
        return "is not an http:// or https:// address"
    problems: list[str | None] = []
    # In a thread of its own, since `requests` limits the silence of a server and not the whole call.
    thread = threading.Thread(
        target=lambda: problems.append(_answer(url, message)), name="notify", daemon=True
    )
    thread.start()
    thread.join(_WEBHOOK_SECONDS)
    return problems[0] if problems else f"did not answer in {_WEBHOOK_SECONDS:.0f} seconds"


def _answer(url: str, message: Message) -> str | None:
    import requests

    text = message.text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    try:
        with requests.post(
            url,
            json={"text": text},
            timeout=_ANSWER_SECONDS,
            # A redirect of a POST becomes a GET without the message, and may lead anywhere.
            allow_redirects=False,
            stream=True,
        ) as answer:
            return (
                None if answer.ok and answer.status_code < 300 else f"answered {answer.status_code}"
            )
    except Exception as error:  # whatever it is, its text may quote the address
        return f"could not be reached ({type(error).__name__})"


def _run(command: str, message: Message) -> str | None:
    """Run a command with the message as JSON on its standard input; return what went wrong."""
    try:
        arguments = shlex.split(command)
    except ValueError:
        return "has an unmatched quote"
    if not arguments:
        return "is empty"
    try:
        # Its own session, so that what it starts can be ended with it.
        process = subprocess.Popen(
            arguments,
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
    except (OSError, ValueError) as error:
        return f"could not be started ({type(error).__name__})"
    try:
        process.communicate(message.model_dump_json().encode(), timeout=_COMMAND_SECONDS)
    except subprocess.TimeoutExpired:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        return f"did not end in {_COMMAND_SECONDS:.0f} seconds"
    return None if process.returncode == 0 else f"exited with {process.returncode}"
