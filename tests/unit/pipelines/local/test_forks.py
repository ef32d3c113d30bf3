"""Steps as forks of a template: what they see is what a process of their own would see."""

import io
import json
import os
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import redirect_stdout, suppress
from pathlib import Path

import psutil
import pytest
from kfp import dsl, local

from components.contracts.process.image import IMAGE
from pipelines.local import forks
from pipelines.local.forks import Starter, run_alone, starting
from pipelines.local.launch import launching


@dsl.component(base_image=IMAGE, install_kfp_package=False)
def look(kept: str):
    import json
    import os
    import pathlib
    import signal
    import sys
    import threading

    with open(kept, "a") as file:
        found = {
            "parent": os.getppid(),
            "imported": [name for name in ("keras", "wave") if name in sys.modules],
            "at_sigterm": int(signal.getsignal(signal.SIGTERM)),
            "blocked": sorted(signal.pthread_sigmask(signal.SIG_BLOCK, ())),
            "threads": threading.active_count(),
            "mark": os.environ.get("STREETLOOP_TEST_MARK"),
            "name": pathlib.Path("/proc/self/comm").read_text().strip(),
        }
        file.write(json.dumps(found) + "\n")
    print("on the error stream", file=sys.stderr)


@dsl.component(base_image=IMAGE, install_kfp_package=False)
def fail(why: str):
    raise ValueError(why)


@dsl.component(base_image=IMAGE, install_kfp_package=False)
def die(number: int):
    import os

    print("about to", flush=True)
    os.kill(os.getpid(), number)


@dsl.component(base_image=IMAGE, install_kfp_package=False)
def kill_the_template(kept: str):
    import os
    import pathlib
    import signal

    known = pathlib.Path(kept)
    if not known.exists():
        known.touch()
        os.kill(os.getppid(), signal.SIGKILL)
    else:
        known.write_text(str(os.getppid()))


@dsl.component(base_image=IMAGE, install_kfp_package=False)
def train(kept: str):
    import os

    with open(kept, "a") as file:
        file.write(str(os.getppid()))


@dsl.component(base_image=IMAGE, install_kfp_package=False)
def wait_for_signal(kept: str):
    import signal
    import sys
    import time

    def stop(number, frame):
        time.sleep(0.5)
        with open(kept, "a") as file:
            file.write("saved")
        sys.exit(0)

    signal.signal(signal.SIGTERM, stop)
    with open(kept, "a") as file:
        file.write("waiting, ")
    time.sleep(60)


@pytest.fixture
def start(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Starter]:
    # The other modules take seconds, and what is tried here does not depend on them.
    monkeypatch.setattr(forks, "_TEMPLATE", "tests.support.small_template")
    runner = local.SubprocessRunner(use_venv=False)
    local.init(runner, pipeline_root=str(tmp_path / "kfp"), raise_on_error=True)
    with starting(str(tmp_path)) as start:
        yield start
    assert not _template(tmp_path)


def _template(root: Path) -> list[psutil.Process]:
    """The template and its forks; other children of this process belong to other tests."""
    found = []
    for child in psutil.Process().children(recursive=True):
        with suppress(psutil.ZombieProcess, psutil.NoSuchProcess):
            found += [child] * (str(root) in child.cmdline())
    return found


def _seen(kept: Path) -> list[dict[str, object]]:
    return [json.loads(line) for line in kept.read_text().splitlines()]


def test_steps_are_forks_of_one_template(
    tmp_path: Path, start: Starter, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept = tmp_path / "kept"
    printed = io.StringIO()
    with redirect_stdout(printed), launching({}, start):
        look(kept=str(kept))
        monkeypatch.setenv("STREETLOOP_TEST_MARK", "later")
        look(kept=str(kept))
    first, second = _seen(kept)
    assert first["parent"] == second["parent"] == _template(tmp_path)[0].pid
    assert (first["imported"], second["imported"]) == ([], ["wave"])  # the rest after the first
    assert (first["mark"], second["mark"]) == (None, "later")
    for one in (first, second):
        assert one["at_sigterm"] == signal.SIG_DFL
        assert one["blocked"] == []
        assert one["threads"] == 1
        assert one["name"] == "look"
    assert printed.getvalue().count("on the error stream") == 2


def test_a_step_that_fails_leaves_the_template_for_the_next(tmp_path: Path, start: Starter) -> None:
    kept = tmp_path / "kept"
    printed = io.StringIO()
    with redirect_stdout(printed), launching({}, start):
        with pytest.raises(RuntimeError):
            fail(why="not today")
        look(kept=str(kept))
    assert "ValueError: not today" in printed.getvalue()
    assert _seen(kept)[0]["parent"] == _template(tmp_path)[0].pid


@pytest.mark.parametrize(("number", "words"), [(9, "memory runs out"), (11, "SIGSEGV")])
def test_a_step_that_a_signal_ends_says_so(start: Starter, number: int, words: str) -> None:
    printed = io.StringIO()
    with redirect_stdout(printed), launching({}, start), pytest.raises(RuntimeError):
        die(number=number)
    assert "about to" in printed.getvalue()
    assert words in printed.getvalue()


def test_without_a_template_steps_have_processes_of_their_own(
    tmp_path: Path, start: Starter
) -> None:
    kept = tmp_path / "kept"
    printed = io.StringIO()
    with redirect_stdout(printed), launching({}, start):
        look(kept=str(kept))
        _template(tmp_path)[0].kill()
        look(kept=str(kept))
        with pytest.raises(RuntimeError):
            fail(why="not today")
    assert _seen(kept)[1]["parent"] == os.getpid()
    assert "ValueError: not today" in printed.getvalue()


def test_the_step_of_a_template_that_dies_is_run_again(tmp_path: Path, start: Starter) -> None:
    kept = tmp_path / "kept"
    with redirect_stdout(io.StringIO()), launching({}, start):
        kill_the_template(kept=str(kept))
    assert kept.read_text() == str(os.getpid())


def test_an_interrupted_command_waits_for_its_step(tmp_path: Path, start: Starter) -> None:
    kept = tmp_path / "kept"
    kept.touch()

    class Stopped(BaseException):
        pass

    def stop(number: int, frame: object) -> None:
        for process in _template(tmp_path):
            process.terminate()
        raise Stopped

    def ask_to_stop() -> None:
        while "waiting" not in kept.read_text():
            time.sleep(0.02)
        os.kill(os.getpid(), signal.SIGUSR1)

    before = signal.signal(signal.SIGUSR1, stop)
    thread = threading.Thread(target=ask_to_stop)
    thread.start()
    try:
        started = time.monotonic()
        with redirect_stdout(io.StringIO()), launching({}, start), pytest.raises(Stopped):
            wait_for_signal(kept=str(kept))
        assert kept.read_text() == "waiting, saved"
        assert time.monotonic() - started < 50
    finally:
        thread.join()
        signal.signal(signal.SIGUSR1, before)


def test_training_has_a_process_of_its_own(tmp_path: Path, start: Starter) -> None:
    kept = tmp_path / "kept"
    with redirect_stdout(io.StringIO()), launching({}, start):
        look(kept=str(kept))
        train(kept=str(kept))
    fork, alone = kept.read_text().splitlines()
    assert json.loads(fork)["parent"] == _template(tmp_path)[0].pid
    assert alone == str(os.getpid())


def test_beside_a_gpu_nothing_is_forked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(forks, "_GPUS", (os.devnull,))
    with starting("root") as start:
        assert start is run_alone
