"""Tasks of a local run: what they are handed, what they import, and what is said when one dies."""

import io
import json
import sys
from contextlib import redirect_stdout
from pathlib import Path

import pytest
from kfp import dsl, local

from components.contracts.process.image import IMAGE
from pipelines.local.launch import launching

HOSTILE = (
    "python3 -m x; /opt/python3/w.npz 'one' \"two\" `id` $(id) $HOME ${HOME} [bold] a\\b %s {x} "
    "{{$}} {{$.inputs.parameters['root']}} {{$.pipeline_task_uuid}} /kfp-workspace\n\ttoo\u00e8 \u732b"
)


@dsl.component(base_image=IMAGE, install_kfp_package=False)
def keep(recipe: str, root: str, kept: str) -> str:
    import colorsys
    import json
    import os

    import tfds_cityscapes

    shadowed = colorsys.__file__.startswith(os.getcwd())
    with open(kept, "w") as file:
        found = {"recipe": recipe, "root": root, "shadowed": shadowed}
        json.dump(found | {"project": tfds_cityscapes.__file__}, file)
    return "python3"


@dsl.component(base_image=IMAGE, install_kfp_package=False)
def again(recipe: str, before: str, kept: str):
    with open(kept, "a") as file:
        file.write("\n" + before)


@dsl.component(base_image=IMAGE, install_kfp_package=False)
def die(number: int):
    import os

    print("about to", flush=True)
    os.kill(os.getpid(), number)


@dsl.pipeline(name="kept")
def kept_pipeline(recipe: str, root: str, kept: str) -> None:
    first = keep(recipe=recipe, root=root, kept=kept)
    again(recipe=recipe, before=first.output, kept=kept)


def begin(folder: Path) -> None:
    runner = local.SubprocessRunner(use_venv=False)
    local.init(runner, pipeline_root=str(folder), raise_on_error=True)


def test_a_task_gets_values_as_they_are_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:

    folder = tmp_path / "my citt\u00e0 (1) python3 $x"
    folder.mkdir()
    (folder / "colorsys.py").write_text("raise SystemExit('the working folder was imported')")
    monkeypatch.chdir(folder)
    monkeypatch.setenv("PATH", "")  # no shell, no mktemp
    monkeypatch.setenv("TMPDIR", "/nonexistent")
    begin(folder / "kfp")
    with launching({"recipe": HOSTILE, "root": HOSTILE[::-1]}):
        kept_pipeline(recipe="recipe", root="root", kept="kept.json")
    first, last = (folder / "kept.json").read_text().split("\n")
    found = json.loads(first)
    assert found["recipe"] == HOSTILE
    assert found["root"] == HOSTILE[::-1]
    assert found["shadowed"] is False
    assert found["project"] == sys.modules["tfds_cityscapes"].__file__
    assert last == "python3"


@pytest.mark.parametrize(("number", "words"), [(9, "memory runs out"), (11, "SIGSEGV")])
def test_a_task_that_a_signal_ends_says_so(tmp_path: Path, number: int, words: str) -> None:
    begin(tmp_path)
    printed = io.StringIO()
    with redirect_stdout(printed), launching({}), pytest.raises(RuntimeError):
        die(number=number)
    assert "about to" in printed.getvalue()
    assert words in printed.getvalue()
