"""`streetloop annotate` when the server is down, is not Label Studio, or rejects the token."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from pipelines.cli import main
from tests.support.gcs_server import free_port
from tests.support.http_double import stranger
from tests.support.ingest_worker import campaign
from tests.support.label_studio_double import OLD_TOKEN, PERSONAL_TOKEN, Double
from tests.support.places import RECIPES

SECRET = "my-secret-0123456789"


@pytest.fixture
def root(tmp_path: Path) -> str:
    root = str(tmp_path / "root")
    campaign(root, [])
    return root


def call(root: str, url: str, token: str | None, command: str = "pull") -> Result:
    """Run the command, and check that its output and its exception do not contain the token."""
    smoke = str(RECIPES / "smoke.yaml")
    result = CliRunner().invoke(
        main,
        ["annotate", command, smoke, "--root", root, "--label-studio", url],
        env={"LABEL_STUDIO_API_KEY": token},
    )
    assert isinstance(result.exception, SystemExit)  # no traceback
    if token:
        assert token not in result.output + repr(result.exception.__context__)
    return result


def test_a_missing_token_is_reported_with_the_name_of_the_variable(
    root: str, double: Double
) -> None:
    for token in (None, "", "  "):
        result = call(root, double.url, token)
        assert result.exit_code == 2
        assert "LABEL_STUDIO_API_KEY" in result.output
    assert double.authorizations == []


@pytest.mark.parametrize("token", ["two words", "line\nbreak", "Bearer ä"])
def test_a_token_with_impossible_characters_is_rejected_and_not_shown(
    root: str, double: Double, token: str
) -> None:
    result = call(root, double.url, token)
    assert result.exit_code == 2
    assert "other characters" in result.output
    assert double.authorizations == []


@pytest.mark.parametrize("token", [SECRET, f"wrong.personal.{SECRET}"])
@pytest.mark.parametrize("command", ["push", "pull"])
def test_a_wrong_token_is_rejected_and_never_shown(
    root: str, double: Double, token: str, command: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    result = call(root, double.url, token, command)  # the double quotes the token in its answer
    assert result.exit_code == 1
    assert "answered 401" in result.output
    assert "***" in result.output
    assert token not in caplog.text


@pytest.mark.parametrize("token", [OLD_TOKEN, PERSONAL_TOKEN])
def test_both_kinds_of_token_are_accepted(root: str, double: Double, token: str) -> None:
    result = call(root, double.url + "/", token)
    assert "annotate push" in result.output  # accepted; there is no project yet


def test_a_server_that_is_down_is_reported(root: str) -> None:
    url = f"http://127.0.0.1:{free_port()}"
    result = call(root, url, SECRET)
    assert result.exit_code == 1
    assert f"does not answer at {url} (ConnectionError)" in result.output


@pytest.mark.parametrize(
    ("status", "content", "words"),
    [
        (200, b"<html>hello</html>", "HTTP 200, text/html"),
        (404, b"not found", "HTTP 404, text/html"),
        (200, b'{"version": "3"}', "without Label Studio's version"),
        (200, b"[]", "without Label Studio's version"),
    ],
)
def test_a_server_that_is_not_label_studio_is_reported_and_gets_no_token(
    root: str, status: int, content: bytes, words: str
) -> None:
    with stranger(status, content, Content_Type="text/html; charset=utf-8") as url:
        result = call(root, url, SECRET)
    assert result.exit_code == 1
    assert "is not Label Studio" in result.output
    assert words in result.output


def test_a_redirect_is_not_followed(root: str) -> None:
    with stranger(302, b"", Location="https://elsewhere.example/") as url:
        result = call(root, url, SECRET)
    assert result.exit_code == 1
    assert "redirects to https://elsewhere.example/" in result.output


@pytest.mark.parametrize(
    "url", ["localhost:8080", "ftp://host", "http://", "http://me:pw@host", "http://[bad"]
)
def test_a_malformed_address_is_rejected(root: str, url: str) -> None:
    result = call(root, url, SECRET)
    assert result.exit_code == 2
    assert "pw" not in result.output


def test_a_netrc_file_does_not_replace_the_token(
    root: str, double: Double, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login somebody password else\n")
    monkeypatch.setenv("NETRC", str(netrc))
    call(root, double.url, OLD_TOKEN)
    assert set(double.authorizations[1:]) == {f"Token {OLD_TOKEN}"}
