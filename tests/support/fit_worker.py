"""Run one fit as it is, and the same fit with two interruptions: `fit_worker.py WHOLE KILLED`.

Each writes its checkpoint to state.npz in its folder and, at the end, the candidate's variables to
end.npz; the checkpoint holds all others. Every attempt has a process of its own, forked before
TensorFlow is used: it takes most of such a process's time to import it. Printed, as JSON, for each
attempt of the second fit: its exit code, its checkpoint's step, and the seconds from signal to end.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import time
from pathlib import Path

import keras  # noqa: F401  before the forks
import numpy as np

from components.train.checkpoint import Checkpoint
from components.train.fit import fit
from tests.support.fits import data_of, settings_of
from tests.support.ledger_worker import ended


def main(whole: Path, killed: Path) -> None:
    plain = _start(whole, 0, 0)
    attempts = [_attempt(killed, n, at) for n, at in ((signal.SIGKILL, 6), (signal.SIGTERM, 10))]
    attempts.append(_attempt(killed, 0, 0))
    assert ended(plain) == 0
    print(json.dumps(attempts))


def _attempt(folder: Path, number: int, at: int) -> dict[str, float]:
    code = ended(_start(folder, number, at))
    gone = time.monotonic()
    signalled = folder / "signalled"
    seconds = gone - float(signalled.read_text()) if signalled.exists() else 0.0
    signalled.unlink(missing_ok=True)
    step = json.loads(str(np.load(folder / "state.npz")["meta"]))["step"]
    return {"code": code, "step": step, "seconds": seconds}


def _start(folder: Path, number: int, at: int) -> int:
    """Start a process that fits, and sends itself a signal after a step; its pid."""
    pid = os.fork()
    if pid:
        return pid

    def progress(step: int, text: str) -> None:
        if step == at:
            (folder / "signalled").write_text(str(time.monotonic()))
            os.kill(os.getpid(), number)

    settings = settings_of(patience=50)
    done = fit(data_of(), settings, 3, Checkpoint(folder / "state.npz"), progress=progress)
    np.savez(folder / "end.npz", *(np.asarray(v) for v in done.networks.candidate.variables))
    sys.exit()  # not os._exit: the process ends as that of a step does


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:]))
