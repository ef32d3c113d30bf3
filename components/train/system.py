"""Measure the machine while a fit runs: processor, memory, disk, network, and NVIDIA GPUs.

A thread only measures. The fit sends the measurements together with its losses, so the thread never
waits for MLflow and never talks to it at the same time, and a kill leaves nothing to clean up. The
names are those of MLflow's own monitor; its UI shows them under "System metrics".
"""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

from components.contracts.tracking.client import Points

log = logging.getLogger("streetloop")
_PREFIX = "system/"
_KEPT = 2000  # measurements; more than a fit makes between two reports
_PATIENCE = 5  # seconds for a last measurement; a driver that hangs must not hold up the fit


class SystemMetrics:
    """Measurements since the last `take`.

    Attributes:
      opened_ms: when the cycle was opened; a point's step is the seconds since then, so that the
        points of a training that was resumed after a kill follow those from before it.
    """

    def __init__(self, opened_ms: int, seconds: float) -> None:
        self.opened_ms, self.seconds = opened_ms, seconds
        self._measure = _measure()
        self._stop = threading.Event()
        self._points: deque[Points] = deque(maxlen=_KEPT)
        self._thread = threading.Thread(target=self._run, daemon=True, name="system metrics")

    def take(self) -> list[Points]:
        """Return the new points, in order."""
        points = []
        with suppress(IndexError):
            while True:
                points.append(self._points.popleft())
        return points

    def start(self) -> None:
        """Start to measure."""
        self._thread.start()

    def stop(self) -> None:
        """Measure once more and stop; so a fit shorter than an interval has its point, too."""
        self._stop.set()
        self._thread.join(_PATIENCE)

    def _run(self) -> None:
        try:
            self._measure()  # psutil's load of the processor is that since this thread's last call
            last, at = False, 0
            while not last:
                last = self._stop.wait(self.seconds)
                values = self._measure()
                # `stop` may come right after a measurement; two points never share a millisecond.
                at = max(time.time_ns() // 1_000_000, at + 1)
                self._points.append(Points(values, (at - self.opened_ms) // 1000, at))
        except Exception as error:  # whatever a driver or /proc may do, the fit continues
            log.warning("System metrics stop: %s: %s", type(error).__name__, error)


@contextmanager
def system_metrics(opened_ms: int, seconds: float) -> Iterator[Callable[[], list[Points]]]:
    """Measure every `seconds` during the block (0: never); yield the function that returns new points."""
    if not seconds:
        yield list
        return
    metrics = SystemMetrics(opened_ms, seconds)
    metrics.start()
    try:
        yield metrics.take
    finally:
        metrics.stop()


def _measure() -> Callable[[], dict[str, float | None]]:
    """Return a function that measures once, with the parts of MLflow's own monitor."""
    from mlflow.system_metrics.metrics.cpu_monitor import CPUMonitor
    from mlflow.system_metrics.metrics.disk_monitor import DiskMonitor
    from mlflow.system_metrics.metrics.gpu_monitor import GPUMonitor
    from mlflow.system_metrics.metrics.network_monitor import NetworkMonitor

    parts = [CPUMonitor(), DiskMonitor(), NetworkMonitor()]
    # Raises unless there is an NVIDIA GPU, its driver, and the package nvidia-ml-py.
    with suppress(ImportError, RuntimeError):
        parts.append(GPUMonitor())

    def measure() -> dict[str, float | None]:
        values: dict[str, float | None] = {}
        for part in parts:
            part.collect_metrics()
            values |= {f"{_PREFIX}{k}": float(v) for k, v in part.aggregate_metrics().items()}
            part.clear_metrics()
        return values

    return measure
