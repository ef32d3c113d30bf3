"""What commands print: text as it is, and nothing when nobody reads it."""

from __future__ import annotations

import io
import subprocess
import sys
from pathlib import Path

import pytest

from pipelines.console import make_console, program

BROKEN = """
import sys, threading
from pipelines.console import make_console
from pipelines.local.runner import Interrupted, stopping_children
console = make_console()
def fill():
    for _ in range(100_000):
        console.print("word " * 20)
try:
    with stopping_children():
        if sys.argv[1] == "thread":
            thread = threading.Thread(target=fill)
            thread.start()
            thread.join()
        else:
            fill()
except Interrupted as stop:
    console.print("Stopped.")
    sys.exit(stop.exit_code)
"""


def test_brackets_and_colons_of_a_path_are_printed() -> None:
    out = io.StringIO()
    path = "/data/run [bold] :smile: [/] 'x'/report.html"
    make_console(out).print(f"Report: {path}")
    assert out.getvalue() == f"Report: {path}\n"


@pytest.mark.parametrize("where", ["main", "thread"])
def test_a_reader_that_has_gone_ends_the_command_without_a_traceback(where: str) -> None:
    command = [sys.executable, "-c", BROKEN, where]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        assert process.stdout.readline().startswith(b"word")
        process.stdout.close()
        assert process.wait() == 128 + 13
        assert process.stderr.read() == b""


def test_hints_name_the_command_as_this_shell_finds_it(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    folder = tmp_path / ".venv" / "bin"
    folder.mkdir(parents=True)
    (folder / "streetloop").touch(mode=0o755)
    monkeypatch.setattr(sys, "executable", str(folder / "python"))
    monkeypatch.setenv("PATH", "/usr/bin")
    monkeypatch.chdir(tmp_path)
    assert program() == ".venv/bin/streetloop"
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    assert program() == str(folder / "streetloop")
    monkeypatch.setenv("PATH", str(folder))
    assert program() == "streetloop"
