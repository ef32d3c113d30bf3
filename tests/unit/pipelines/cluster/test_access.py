"""Kubeflow for several users: namespaces, tokens, cookies and refusals, with the real kfp.Client."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from components.contracts.kubeflow.client import _address
from components.contracts.kubeflow.credentials import COOKIES_FILE, TOKEN_FILE, Credentials
from components.contracts.process.errors import UsageError
from pipelines.cli import main
from tests.support.compiled import MLFLOW
from tests.support.kfp_server import KfpServer, kfp_server
from tests.support.places import RECIPES

SECRET = "s3cret-token"


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[KfpServer]:
    for name in ("KF_PIPELINES_ENDPOINT", TOKEN_FILE, COOKIES_FILE):
        monkeypatch.delenv(name, raising=False)
    with kfp_server() as running:
        running.multi_user = True
        yield running


def call(server: KfpServer, *command: str) -> Result:
    arguments = [*command, str(RECIPES / "smoke.yaml"), "--root", "gs://bucket/one"]
    settings = (f"host={server.url}", "image=streetloop:1", "namespace=team")
    for setting in settings:
        arguments += ["--set", f"cluster.{setting}"]
    return CliRunner().invoke(main, [*arguments, "--set", MLFLOW])


def test_everything_is_in_the_namespace(server: KfpServer) -> None:
    assert call(server, "schedule", "create", "--interval", "6h").exit_code == 0
    assert call(server, "submit").exit_code == 0
    assert {row["namespace"] for row in (*server.experiments, *server.pipelines)} == {"team"}
    assert len(server.experiments) == 1
    assert "run-1" in call(server, "runs").output
    assert "recurring_run-1" in call(server, "schedule", "list").output


def test_a_token_is_read_from_a_file_for_every_command(
    server: KfpServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    token = tmp_path / "token"
    monkeypatch.setenv(TOKEN_FILE, str(token))
    server.accepts = f"Bearer {SECRET}"
    token.write_text(f"{SECRET}\n")
    assert call(server, "schedule", "list").exit_code == 0
    token.write_text("of-yesterday")
    refused = call(server, "schedule", "list")
    assert refused.exit_code == 1
    assert f"It got the token in {token}." in refused.output
    assert "of-yesterday" not in refused.output


@pytest.mark.parametrize(
    "text",
    [
        "authservice_session=abc; b=2",
        "# Netscape HTTP Cookie File\n"
        "#HttpOnly_kf.example\tFALSE\t/\tTRUE\t0\tauthservice_session\tabc\n"
        "kf.example\tFALSE\t/\tTRUE\t0\tb\t2\n",
    ],
    ids=["header", "cookie-jar"],
)
def test_cookies_are_read_from_a_file(
    server: KfpServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str
) -> None:
    (tmp_path / "cookies").write_text(text)
    monkeypatch.setenv(COOKIES_FILE, str(tmp_path / "cookies"))
    server.accepts = "authservice_session=abc; b=2"
    result = call(server, "schedule", "list")
    assert result.exit_code == 0, result.output


@pytest.mark.parametrize(
    ("text", "words"),
    [(None, "No such file"), ("", "is empty"), ("two words", "not one token")],
    ids=["missing", "empty", "two-words"],
)
def test_an_unusable_token_file_is_named(tmp_path: Path, text: str | None, words: str) -> None:
    path = tmp_path / "token"
    if text is not None:
        path.write_text(text)
    with pytest.raises(UsageError, match=words) as caught:
        Credentials(token=path).arguments()
    assert str(path) in str(caught.value)


def test_a_file_without_cookies_is_rejected_unquoted(tmp_path: Path) -> None:
    path = tmp_path / "cookies"
    path.write_text(SECRET)
    with pytest.raises(UsageError, match="holds no cookies") as caught:
        Credentials(cookies=path).arguments()
    assert SECRET not in str(caught.value)


def test_401_says_which_credentials_were_used(server: KfpServer) -> None:
    server.accepts = "Bearer other"
    result = call(server, "schedule", "list")
    assert result.exit_code == 1
    assert "(401). It got no credentials." in result.output
    assert TOKEN_FILE in result.output


@pytest.mark.parametrize(
    ("verb", "resource", "role"),
    [("create", "runs", "kubeflow-edit"), ("list", "experiments", "kubeflow-view")],
)
def test_403_says_which_right_is_missing(
    server: KfpServer, verb: str, resource: str, role: str
) -> None:
    server.denied = {(verb, resource)}
    result = call(server, "submit")
    assert result.exit_code == 1
    lacks = (
        f"User ann@example.com lacks the right to {verb} {resource}.pipelines.kubeflow.org in team"
    )
    assert lacks in result.output
    assert f"for the role {role}" in result.output


def test_a_login_page_is_not_taken_for_an_answer(server: KfpServer) -> None:
    server.login_page = True
    result = call(server, "submit")
    assert result.exit_code == 1
    assert "answers with a web page" in result.output
    assert "Started" not in result.output


@pytest.mark.parametrize("host", ["http://localhost:99999", "http://localhost:abc", "http://[::1"])
def test_an_impossible_address_is_rejected_in_one_line(host: str) -> None:
    with pytest.raises(UsageError, match=r"cluster\.host is not an address"):
        _address(host)
