import subprocess
import sys


def test_python_m_streetloop_is_the_command() -> None:
    line = [sys.executable, "-m", "streetloop", "--version"]
    done = subprocess.run(line, capture_output=True, text=True, check=True)
    command = [sys.executable, "-m", "pipelines.cli", "--version"]
    assert done.stdout.split()[-1] == subprocess.check_output(command, text=True).split()[-1]
