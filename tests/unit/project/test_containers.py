"""The Dockerfiles, as far as they can be checked without building them."""

from __future__ import annotations

import re
import tomllib
from fnmatch import fnmatch
from pathlib import Path

import pytest

from components.contracts.process.image import IMAGE
from components.contracts.tracking.environment import QUIET

REPOSITORY = Path(__file__).parents[3]
RUNTIME = REPOSITORY / "containers" / "runtime.Dockerfile"
TRAINER = REPOSITORY / "containers" / "trainer.Dockerfile"
SERVER = REPOSITORY / "mlflow" / "Dockerfile"
ALL = [RUNTIME, TRAINER, SERVER]


def instructions(path: Path) -> list[tuple[str, str]]:
    """(instruction, arguments), continued lines joined, comments left out."""
    lines = [line for line in path.read_text().splitlines() if not line.lstrip().startswith("#")]
    joined = re.sub(r"\\\n\s*", "", "\n".join(lines))
    pairs = [line.split(maxsplit=1) for line in joined.splitlines() if line.strip()]
    return [(word.upper(), rest) for word, rest in pairs]


def copied(path: Path) -> list[str]:
    """What COPY takes from the build context."""
    found = [rest.split()[:-1] for word, rest in instructions(path) if word == "COPY"]
    return [name for names in found if not names[0].startswith("--from") for name in names]


@pytest.mark.parametrize("path", ALL, ids=lambda p: p.parent.name + "/" + p.name)
def test_the_last_user_is_a_number_above_0(path: Path) -> None:
    users = [rest for word, rest in instructions(path) if word == "USER"]
    # Kubernetes can check runAsNonRoot only on a number.
    assert re.fullmatch(r"[1-9][0-9]*(:[0-9]+)?", users[-1])


@pytest.mark.parametrize("path", ALL, ids=lambda p: p.parent.name + "/" + p.name)
def test_the_base_is_an_argument(path: Path) -> None:
    """Networks without a public registry bring their own."""
    first, second = instructions(path)[:2]
    assert first[0] == "ARG"
    name = first[1].split("=")[0]
    assert second == ("FROM", f"${{{name}}} AS build") or second == ("FROM", f"${{{name}}}")


@pytest.mark.parametrize("path", [RUNTIME, SERVER], ids=["runtime", "mlflow"])
def test_all_that_is_downloaded_is_in_the_lock(path: Path) -> None:
    installs = [rest for word, rest in instructions(path) if word == "RUN" and "install" in rest]
    assert installs
    for command in installs:
        locked = "--require-hashes" in command and "--no-deps" in command
        offline = "--no-index" in command and "--no-deps" in command
        assert locked or offline, command


def test_what_is_copied_exists_and_passes_the_ignore_file() -> None:
    kept = [
        line[1:]
        for line in (REPOSITORY / ".dockerignore").read_text().splitlines()
        if line.startswith("!")
    ]
    names = copied(RUNTIME)
    assert names
    for name in names:
        assert (REPOSITORY / name).exists(), name
        assert any(fnmatch(name, pattern) for pattern in kept), f"{name} is ignored"
    for name in copied(SERVER):
        assert (SERVER.parent / name).exists(), name


def test_every_package_of_the_project_is_copied() -> None:
    project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())
    found = project["tool"]["setuptools"]["packages"]["find"]["include"]
    top = {name.rstrip("*") for name in found}
    assert top
    assert top <= set(copied(RUNTIME))


def test_the_image_has_the_name_that_the_components_ask_for() -> None:
    assert f"-t {IMAGE} " in RUNTIME.read_text()
    assert ("ARG", f"RUNTIME={IMAGE}") in instructions(TRAINER)


def test_the_commit_reaches_the_runs_tags() -> None:
    words = instructions(RUNTIME)
    argument = next(i for i, (w, r) in enumerate(words) if r.startswith("STREETLOOP_GIT_SHA="))
    assert words[argument][0] == "ARG"
    assert any(
        w == "ENV" and "STREETLOOP_GIT_SHA=${STREETLOOP_GIT_SHA}" in r for w, r in words[argument:]
    )


def test_the_image_sends_no_usage_data() -> None:
    variables = " ".join(rest for word, rest in instructions(RUNTIME) if word == "ENV")
    for name, value in QUIET.items():
        assert f" {name}={value}" in variables
