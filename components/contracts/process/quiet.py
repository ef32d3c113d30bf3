"""Import TensorFlow without the native code's remarks about hardware that is not there."""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


def import_tensorflow() -> None:
    """Import TensorFlow and let it look for devices; on a machine without a GPU, silently.

    Some ten lines about CUDA come from C++ before any log level applies. Where there is an NVIDIA
    device, they stay: they may say why it is not used.
    """
    if Path("/dev/nvidiactl").exists():
        import tensorflow as tf

        tf.config.list_physical_devices()
        return
    with _standard_error_held():
        import tensorflow as tf

        tf.config.list_logical_devices()


@contextmanager
def _standard_error_held() -> Iterator[None]:
    """Hold back what this process writes to file descriptor 2; print it if the block raises."""
    sys.stderr.flush()
    try:
        before = os.dup(2)
    except OSError:  # closed by whoever started this process
        yield
        return
    with tempfile.TemporaryFile() as held:
        os.dup2(held.fileno(), 2)
        try:
            yield
        except BaseException:
            os.dup2(before, 2)
            held.seek(0)
            os.write(2, held.read())
            raise
        finally:
            os.dup2(before, 2)
            os.close(before)
