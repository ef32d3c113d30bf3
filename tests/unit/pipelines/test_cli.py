"""The start of the `streetloop` command."""

from __future__ import annotations

import subprocess
import sys

HEAVY = ("tensorflow", "keras", "kfp", "mlflow", "numpy", "scipy", "cv2", "matplotlib")
HEAVY += ("google.cloud", "requests", "rich", "pydantic")


def test_help_loads_no_heavy_library() -> None:
    code = f"""
import sys
from pipelines.cli import main
try:
    main(["--help"])
finally:
    print("loaded:", [name for name in {HEAVY} if name in sys.modules])
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "ablate" in done.stdout
    assert done.stdout.splitlines()[-1] == "loaded: []"
