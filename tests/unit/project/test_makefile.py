"""What the Makefile says and hands on, without what it builds."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

REPOSITORY = Path(__file__).parents[3]


def test_another_python_is_named_before_anything_is_installed(tmp_path: Path) -> None:
    shutil.copy(REPOSITORY / "Makefile", tmp_path)
    python = tmp_path / "python3"
    python.write_text(
        '#!/bin/sh\ncase "$1" in --version) echo Python 3.10.12;; -c) exit 1;; *) exit 0;; esac\n'
    )
    python.chmod(0o755)
    command = ["make", ".venv/bin/python", f"PYTHON={python}"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 2
    assert f"needs Python 3.11, but {python} is Python 3.10.12." in done.stdout
    assert not (tmp_path / ".venv").exists()


def test_the_source_of_an_image_is_named_without_the_account(tmp_path: Path) -> None:
    shutil.copy(REPOSITORY / "Makefile", tmp_path)
    address = "https://ann:p@ss@example.org/street.git"
    for command in (["init", "-q"], ["remote", "add", "origin", address]):
        subprocess.run(["git", *command], cwd=tmp_path, check=True)
    command = ["make", "-n", "image", "VERSION=1", "TAG=1", "SHA=1"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert "image.source=https://example.org/street.git" in done.stdout
    assert "ss@" not in done.stdout


def test_docker_may_be_a_command_of_several_words(tmp_path: Path) -> None:
    docker = tmp_path / "docker.sh"
    docker.write_text('[ "$*" = "image inspect street-base" ]')  # there is such an image
    command = ["sh", REPOSITORY / "containers" / "base.sh", "street-base"]
    environment = {**os.environ, "DOCKER": f"sh {docker}"}
    done = subprocess.run(command, env=environment, capture_output=True, text=True)
    assert done.returncode == 0
    assert done.stdout.startswith("street-base exists already.")
