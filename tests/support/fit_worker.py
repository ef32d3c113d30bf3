"""Run one fit in a process of its own: `fit_worker.py FOLDER [SIGNAL STEP]`.

It resumes from FOLDER/state.npz if that exists, sends itself SIGNAL after STEP, and at the end writes
the candidate's variables to FOLDER/end.npz; the checkpoint holds all others.
"""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path

import numpy as np

from components.train.checkpoint import Checkpoint
from components.train.fit import fit
from tests.support.fits import data_of, settings_of


def main(folder: Path, number: int, at: int) -> None:
    def progress(step: int, text: str) -> None:
        if step == at:
            print(f"signalled at {time.monotonic()}", flush=True)
            os.kill(os.getpid(), number)

    settings = settings_of(patience=50)
    done = fit(data_of(), settings, 3, Checkpoint(folder / "state.npz"), progress=progress)
    np.savez(folder / "end.npz", *(np.asarray(v) for v in done.networks.candidate.variables))


if __name__ == "__main__":
    main(Path(sys.argv[1]), *(int(n) for n in (sys.argv[2:] or ("0", "0"))))
