"""`streetloop annotate --cvat` when the server is down, is not CVAT, or rejects the credentials."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from pipelines.cli import main
from tests.support.cvat_double import API_KEY, PASSWORD, TOKEN, USER, CvatDouble, running_cvat
from tests.support.gcs_server import free_port
from tests.support.http_double import Refusal, stranger
from tests.support.ingest_worker import campaign
from tests.support.places import RECIPES
from tests.support.queries import ask

SECRET = "my-secret.0123456789"


@pytest.fixture
def double() -> Iterator[CvatDouble]:
    with running_cvat() as server:
        yield server


@pytest.fixture
def root(tmp_path: Path) -> str:
    root = str(tmp_path / "root")
    ask(campaign(root, []), 1, ("a_0_1",), None)
    return root


def call(
    root: str,
    url: str,
    *options: str,
    command: str = "push",
    token: str | None = None,
    user: str | None = None,
    password: str | None = None,
) -> Result:
    """Run the command, and check that its output and its exception do not contain a secret."""
    names = {"CVAT_ACCESS_TOKEN": token, "CVAT_USERNAME": user, "CVAT_PASSWORD": password}
    smoke = str(RECIPES / "smoke.yaml")
    result = CliRunner().invoke(
        main, ["annotate", command, smoke, "--root", root, "--cvat", url, *options], env=names
    )
    assert result.exception is None or isinstance(result.exception, SystemExit)  # no traceback
    for secret in (token, password):
        if secret and secret.strip():
            assert secret not in result.output + repr(getattr(result.exception, "__context__", ""))
    return result


def test_missing_credentials_are_reported_with_the_names_of_the_variables(
    root: str, double: CvatDouble
) -> None:
    for token, user, password in ((None, None, None), (" ", "", ""), (None, USER, None)):
        result = call(root, double.url, token=token, user=user, password=password)
        assert result.exit_code == 2
        assert "CVAT_ACCESS_TOKEN is not set" in result.output
        assert "CVAT_USERNAME and CVAT_PASSWORD" in result.output
    assert double.authorizations == []


def test_a_token_with_impossible_characters_is_rejected_and_not_shown(
    root: str, double: CvatDouble
) -> None:
    result = call(root, double.url, token="two words")
    assert result.exit_code == 2
    assert "other characters" in result.output
    assert double.authorizations == []


@pytest.mark.parametrize(
    "credentials",
    [{"token": SECRET}, {"token": "f" * 40}, {"user": "eve", "password": SECRET}],
    ids=["token", "key", "password"],
)
@pytest.mark.parametrize("command", ["push", "pull"])
def test_wrong_credentials_are_rejected_and_never_shown(
    root: str,
    double: CvatDouble,
    credentials: dict[str, str],
    command: str,
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.DEBUG)
    # The double quotes the header in its answer.
    result = call(root, double.url, command=command, **credentials)
    assert result.exit_code == 1
    assert "answered 401" in result.output
    assert "***" in result.output
    assert "Profile, Security" in result.output
    assert not any(secret in caplog.text for secret in credentials.values() if secret != "eve")


@pytest.mark.parametrize(
    ("credentials", "kind"),
    [
        ({"token": TOKEN}, "Bearer"),
        ({"token": API_KEY}, "Token"),
        ({"user": USER, "password": PASSWORD}, "Basic"),
    ],
)
def test_a_token_an_older_key_and_a_password_are_accepted(
    root: str, double: CvatDouble, credentials: dict[str, str], kind: str
) -> None:
    result = call(root, double.url + "/", **credentials)
    assert result.exit_code == 0, result.output
    assert f"1 image added, 0 existed. Label them at {double.url}/projects/1" in result.output
    assert double.authorizations[0] is None  # until the server has shown what it is
    assert {str(header).split()[0] for header in double.authorizations[1:]} == {kind}
    assert double.organizations == {None}


def test_a_pull_says_what_is_new_and_what_is_not_on_the_server(
    root: str, double: CvatDouble
) -> None:
    call(root, double.url, token=TOKEN)
    job, number = double.job_of("a_0_1")
    double.deleted[job["task_id"]].append(number)
    double.finish("a_0_1")
    printed = call(root, double.url, command="pull", token=TOKEN).output
    assert "0 annotated images and 1 skipped are new." in printed
    assert f"  {root}/inbox/cvat_1_100_0.json" in printed
    assert "streetloop run" in printed
    double.tasks.clear()
    printed = call(root, double.url, command="pull", token=TOKEN).output
    assert "not on the server: 1 image. Run `streetloop annotate push` again." in printed


def test_every_request_names_the_organization(root: str, double: CvatDouble) -> None:
    call(root, double.url, "--organization", "streets", token=TOKEN)
    assert len(double.tasks) == 1
    assert double.organizations == {"streets"}


def test_a_forbidden_change_is_reported_with_the_servers_reason(
    root: str, double: CvatDouble
) -> None:
    def refuse(method: str, path: str, answer: object) -> object:
        if (method, path) == ("POST", "/api/tasks"):
            raise Refusal(403, {"detail": "You do not have permission to perform this action."})
        return answer

    double.spoil = refuse
    result = call(root, double.url, token=TOKEN)
    assert result.exit_code == 1
    assert "answered 403: You do not have permission to perform this action. Create" in " ".join(
        result.output.split()
    )


def test_a_server_that_is_down_is_reported(root: str) -> None:
    url = f"http://127.0.0.1:{free_port()}"
    result = call(root, url, token=SECRET)
    assert result.exit_code == 1
    assert f"CVAT does not answer at {url} (ConnectionError)" in result.output


@pytest.mark.parametrize(
    ("status", "content", "words"),
    [
        (200, b"<html>hello</html>", "HTTP 200, text/html"),
        (404, b"not found", "HTTP 404, text/html"),
        (200, b'{"version": "3"}', "without CVAT's version"),
        (200, b"", "without CVAT's version"),
    ],
)
def test_a_server_that_is_not_cvat_is_reported_and_gets_no_token(
    root: str, status: int, content: bytes, words: str
) -> None:
    with stranger(status, content, Content_Type="text/html; charset=utf-8") as url:
        result = call(root, url, token=SECRET)
    assert result.exit_code == 1
    assert "is not CVAT" in result.output
    assert words in result.output


def test_a_malformed_address_is_rejected(root: str) -> None:
    result = call(root, "localhost:8080", token=SECRET)
    assert result.exit_code == 2
    assert "--cvat is not an address" in result.output


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ([], "Name one server"),
        (["--cvat", "http://x", "--label-studio", "http://y"], "Name one server"),
        (["--label-studio", "http://y", "--job-size", "3"], "--job-size is for CVAT only"),
        (["--label-studio", "http://y", "--organization", "z"], "--organization is for CVAT only"),
    ],
)
def test_the_options_must_name_one_server(root: str, options: list[str], words: str) -> None:
    smoke = str(RECIPES / "smoke.yaml")
    result = CliRunner().invoke(main, ["annotate", "push", smoke, "--root", root, *options])
    assert result.exit_code == 2
    assert words in result.output
