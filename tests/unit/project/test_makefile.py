"""`make install` with a Python that the lock file is not for."""

from __future__ import annotations

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
