"""The Dockerfiles, as far as they can be checked without building them."""

from __future__ import annotations

import os
import re
import subprocess
import tomllib
from fnmatch import fnmatch
from pathlib import Path

import pytest

from components.contracts.tracking.environment import QUIET

REPOSITORY = Path(__file__).parents[3]
RUNTIME = REPOSITORY / "containers" / "runtime.Dockerfile"
SERVER = REPOSITORY / "mlflow" / "Dockerfile"
ALL = [RUNTIME, SERVER]
LOCKS = ("cpu", "gpu")


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
    assert second[0] == "FROM"
    assert second[1].split(" AS ")[0] == f"${{{name}}}"


@pytest.mark.parametrize("path", ALL, ids=lambda p: p.parent.name + "/" + p.name)
def test_all_that_is_downloaded_is_in_the_lock(path: Path) -> None:
    installs = [
        command
        for word, rest in instructions(path)
        if word == "RUN"
        for command in rest.split("&&")
        if "pip install" in command
    ]
    assert installs
    for command in installs:
        locked = "--require-hashes" in command and "--no-deps" in command
        offline = "--no-index" in command and "--no-deps" in command
        assert locked or offline, command


def locked(name: str) -> dict[str, str]:
    """The block of each package in a lock: its version and all its hashes."""
    text = re.sub(r"(?m)^ *#.*\n", "", (REPOSITORY / "requirements" / f"{name}.txt").read_text())
    blocks = re.split(r"(?m)^(?=\S)", text)
    return {block.split("==")[0]: block for block in blocks if block}


def test_the_images_hold_what_is_tested_but_for_the_build_of_tensorflow() -> None:
    tested, cpu, gpu = (locked(name).items() for name in ("runtime", *LOCKS))
    (tensorflow,) = (block for name, block in tested - cpu)
    (build,) = (block for name, block in cpu - tested)
    assert tensorflow.split()[0].replace("tensorflow", "tensorflow-cpu") == build.split()[0]
    assert tested <= gpu
    assert {name.split("-")[0] for name, _ in gpu - tested} == {"nvidia"}


def test_what_is_copied_exists_and_passes_the_ignore_file() -> None:
    kept = [
        line[1:]
        for line in (REPOSITORY / ".dockerignore").read_text().splitlines()
        if line.startswith("!")
    ]
    names = {name.replace("${LOCK}", lock) for name in copied(RUNTIME) for lock in LOCKS}
    assert names >= {"requirements/cpu.txt", "requirements/gpu.txt"}
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


def make(*words: str) -> list[str]:
    """What `make` would run, one string a command."""
    # Within `make test`, make would say which folder it enters.
    alone = {k: v for k, v in os.environ.items() if not k.startswith(("MAKE", "MFLAGS"))}
    done = subprocess.run(
        ["make", "-n", *words],
        cwd=REPOSITORY,
        env=alone,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.replace("\\\n", " ").splitlines()


def test_images_are_named_by_version_and_commit_and_say_so() -> None:
    project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())["project"]
    python, _, server, _ = make("images", "REGISTRY=registry.example")
    named = rf" -t registry\.example/streetloop-(python|mlflow):{project['version']}-[0-9a-f]{{12}}(-dirty)? "
    for command in (python, server):
        assert re.search(named, command)
        assert re.search(r"--label org\.opencontainers\.image\.revision=[0-9a-f]{40}", command)
        assert f"--label org.opencontainers.image.version={project['version']} " in command
    assert re.search(r"--build-arg STREETLOOP_GIT_SHA=[0-9a-f]{40}", python)
    here = " ".join(make("images"))
    assert "registry" not in here
    assert ":latest" not in here


def test_the_tag_can_be_chosen() -> None:
    assert " -t r/streetloop-python:7 " in make("images", "REGISTRY=r", "TAG=7")[0]


def test_the_image_for_gpus_takes_the_lock_with_cuda() -> None:
    (build, sbom) = make("image-gpu", "TAG=7")
    assert "--build-arg LOCK=gpu -t streetloop-python-gpu:7 ." in build
    assert sbom.endswith("build/streetloop-python-gpu-7.cdx.json")


def test_trim_removes_headers_and_tests_and_nothing_else(tmp_path: Path) -> None:
    kept = ("tensorflow/__init__.py", "numpy/testing/__init__.py", "include/a.h", "a/latest/b.py")
    gone = ("tensorflow/include/a.h", "clang/native/libclang.so", "pandas/tests/x/t.py", "n/l.a")
    for name in (*kept, *gone):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    script = REPOSITORY / "containers" / "trim.sh"
    subprocess.run(["sh", script, tmp_path], check=True)
    left = {p.relative_to(tmp_path).as_posix() for p in tmp_path.rglob("*") if p.is_file()}
    assert left == set(kept)


def test_trim_stops_where_no_packages_are(tmp_path: Path) -> None:
    script = REPOSITORY / "containers" / "trim.sh"
    done = subprocess.run(["sh", script, tmp_path], capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (1, f"error: no tensorflow in {tmp_path}\n")
