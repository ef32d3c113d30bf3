"""TensorFlow is imported without ten lines about a GPU that is not there, and Keras without its extras."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

IMPORT = """
import sys
from components.contracts.step.context import set_environment
from components.contracts.process.lean import import_keras_lean
from components.contracts.process.quiet import import_tensorflow
set_environment()
import_keras_lean()
import_tensorflow()
import tensorflow as tf
optional = {"sklearn", "matplotlib"}
print("keras" in sys.modules, sorted(optional & set(sys.modules)))
print(int(tf.reduce_sum(tf.keras.layers.ReLU()(tf.ones(3)))))
import sklearn.base, matplotlib.figure
print(sorted(optional & set(sys.modules)))
"""
FAIL = """
import os
from components.contracts.process.quiet import _standard_error_held
with _standard_error_held():
    os.write(2, b"what the native code said\\n")
    raise ValueError("the error")
"""


def _run(program: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)


@pytest.mark.skipif(Path("/dev/nvidiactl").exists(), reason="this machine has an NVIDIA device")
def test_tensorflow_says_nothing_about_hardware_that_is_not_there_and_imports_no_extras() -> None:
    done = _run(IMPORT)
    words = ["True []", "3", "['matplotlib', 'sklearn']"]  # afterwards, they can be imported
    assert (done.stdout.splitlines(), done.stderr) == (words, "")


def test_what_was_held_back_is_printed_with_an_error() -> None:
    done = _run(FAIL)
    assert done.returncode == 1
    assert done.stderr.startswith("what the native code said\nTraceback")
    assert done.stderr.endswith("ValueError: the error\n")
