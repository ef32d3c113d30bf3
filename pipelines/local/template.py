"""`python -m pipelines.local.template ROOT FD`: a process that has imported what the steps import.

Each step of a local run is a process of its own, and importing TensorFlow, MLflow and KFP takes longer
than most of them work. This process imports them once, starts nothing, and becomes a step by forking.
It ends when the command at the other end of the socket is gone.

The protocol, for each step: an empty line once it can begin; a byte with the descriptor to which it prints,
and a line of JSON (`arguments` of KFP's executor, `environment`); and the exit code back as a line.
"""

from __future__ import annotations

import contextlib
import gc
import importlib
import itertools
import json
import os
import signal
import socket
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from components.contracts.process.lean import import_keras_lean
from components.contracts.step.context import set_environment

# They ask a step to stop. This process must outlive it to tell how it ended.
_ASKING = (signal.SIGTERM, signal.SIGINT)
# Enough for the step that opens a cycle, which often finds that there is nothing to do.
_FIRST: tuple[str, ...] = (
    "kfp.dsl.executor_main",
    "mlflow.store.tracking.sqlalchemy_store",
    "mlflow.tracking",
    "components.cycle.open",
)
# What the other forks import, where they need it. Nothing that begins threads of its own, as the clients of buckets do.
_REST: tuple[str, ...] = (
    "keras",
    "matplotlib.backends.backend_agg",
    "matplotlib.figure",
    "tensorflow",
    "components.cycle.close",
    "components.evaluate.step",
    "components.feedback.step",
    "components.preprocess.step",
    "components.query.step",
    "components.split.step",
    "tfds_cityscapes.builder",
    "tfds_cityscapes.synthetic",
)


def main() -> None:
    """Import, then become each step that is wanted."""
    signal.pthread_sigmask(signal.SIG_BLOCK, _ASKING)
    channel = socket.socket(fileno=int(sys.argv[2]))
    set_environment()
    import_keras_lean()
    _import(_FIRST)
    sys.argv[1:] = _become_a_step(channel)
    from kfp.dsl.executor_main import executor_main

    executor_main()


def _import(names: Sequence[str]) -> None:
    for name in names:
        with contextlib.suppress(Exception):  # the step that needs it says what is wrong
            importlib.import_module(name)
    gc.freeze()  # else the first collection of a step would copy all that it shares with this process


def _become_a_step(channel: socket.socket) -> list[str]:
    """Fork for each step that is wanted; return in the child alone, with the step's arguments."""
    with channel, channel.makefile() as lines:
        for number in itertools.count():
            if number == 1:
                _import(_REST)  # the command is busy with the results of the first step
            with contextlib.suppress(OSError):
                channel.sendall(b"\n")
            started, descriptors, _, _ = socket.recv_fds(channel, 1, 1)
            if not started:  # the command is gone
                os._exit(0)
            wanted: dict[str, Any] = json.loads(lines.readline())
            sys.stdout.flush()  # what a library printed while it was imported is nobody's output
            child = os.fork()
            if not child:
                break
            os.close(descriptors[0])
            _, status = os.waitpid(child, 0)
            with contextlib.suppress(OSError):
                channel.sendall(f"{os.waitstatus_to_exitcode(status)}\n".encode())
    for stream in (1, 2):
        os.dup2(descriptors[0], stream)
    os.close(descriptors[0])
    os.environ.clear()
    os.environ.update(wanted["environment"])
    arguments: list[str] = wanted["arguments"]
    # For people who look at the list of processes: the command line stays the template's.
    name = arguments[arguments.index("--function_to_execute") + 1]
    with contextlib.suppress(OSError):
        Path("/proc/self/comm").write_text(name)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, _ASKING)
    return arguments


if __name__ == "__main__":
    main()
