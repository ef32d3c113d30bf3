"""A campaign where a person's machine is unusual: the same models as anywhere else."""

from __future__ import annotations

import json
import site
import venv
from pathlib import Path

import pytest

from tests.support.campaigns import SMOKE, models_of
from tests.support.places import REPOSITORY
from tests.support.waiting import finished

START = "from pipelines.cli import main; main()"


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """A folder that a shell would take apart, with an environment of Python and people's files."""
    place = tmp_path / "my città (1) python3 $HOME 'x'"
    place.mkdir()
    venv.create(place / ".venv", with_pip=False)
    (packages,) = place.glob(".venv/lib/*/site-packages")
    (packages / "these.pth").write_text(f"{site.getsitepackages()[0]}\n{REPOSITORY}\n")
    for name in ("keras", "numpy", "tensorflow", "components", "kfp"):
        (place / f"{name}.py").write_text("raise SystemExit('the working folder was imported')")
    keras = place / "home" / ".keras" / "keras.json"
    keras.parent.mkdir(parents=True)
    wrong = {"image_data_format": "channels_first", "floatx": "float64", "backend": "torch"}
    keras.write_text(json.dumps(wrong))
    return place


def run(place: Path, environment: dict[str, str], *options: str) -> str:
    # Safe as the installed command is, whose folder takes the place of the working folder.
    command = [str(place / ".venv/bin/python"), "-P", "-c", START, "run", SMOKE, *options]
    done = finished(command, cwd=place, env=environment)
    logs = sorted((place / "runs" / "smoke" / "logs").glob("*.log"))
    words = [log.read_text(errors="replace")[-3000:] for log in logs[-1:]]
    assert done.returncode == 0, "\n".join([done.stdout, done.stderr, *words])
    return done.stdout


@pytest.mark.slow
def test_a_campaign_runs_in_unusual_environments_and_ends_the_same(
    smoke: Path, place: Path
) -> None:
    temporary = place / "my tmp"
    temporary.mkdir()
    # No programs on the path, no home, another backend of Keras, a notebook's of Matplotlib, and a
    # console that lacks a letter of the folder's name.
    run(
        place,
        {
            "PATH": "",
            "TMPDIR": str(temporary),
            "KERAS_BACKEND": "jax",
            "MPLBACKEND": "module://matplotlib_inline.backend_inline",
            "PYTHONIOENCODING": "ascii",
        },
        "--cycles",
        "1",
    )
    assert list(temporary.iterdir()) == []
    # A home with settings for other work, a temporary folder that does not exist.
    said = run(place, {"HOME": str(place / "home"), "TMPDIR": "/nonexistent"})
    assert "The campaign is complete." in said
    assert models_of(place / "runs" / "smoke") == models_of(smoke)
