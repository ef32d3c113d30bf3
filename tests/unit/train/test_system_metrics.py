"""System metrics: measured by a thread, sent by the fit, and gone with it."""

from __future__ import annotations

import threading
import time

import pytest

from components.train import system
from components.train.system import system_metrics

NAMES = {
    "system/cpu_utilization_percentage",
    "system/system_memory_usage_megabytes",
    "system/system_memory_usage_percentage",
    "system/disk_usage_percentage",
    "system/network_receive_megabytes",
}


def _threads() -> list[threading.Thread]:
    return [t for t in threading.enumerate() if t.name == "system metrics"]


def test_system_metrics_of_a_fit_shorter_than_the_interval_have_one_point() -> None:
    opened = time.time_ns() // 1_000_000 - 90_000
    with system_metrics(opened, 60.0) as measured:
        assert measured() == []
    (point,) = measured()
    assert point.metrics.keys() >= NAMES
    assert all(value is not None for value in point.metrics.values())
    assert point.step >= 90  # seconds since the cycle was opened
    assert opened + 1000 * point.step <= point.at_ms < opened + 1000 * point.step + 1000
    assert measured() == []


def test_system_metrics_return_points_once_and_in_order() -> None:
    with system_metrics(0, 0.02) as measured:
        while not (early := measured()):
            time.sleep(0.01)
    points = early + measured()
    assert len(points) > len(early)
    assert [p.at_ms for p in points] == sorted({p.at_ms for p in points})


@pytest.mark.parametrize("error", [SystemExit(143), ValueError("loss")])
def test_system_metrics_leave_no_thread_after_an_error(error: BaseException) -> None:
    def step() -> None:
        with system_metrics(0, 60.0):
            assert len(_threads()) == 1
            assert _threads()[0].daemon  # a killed process does not wait for it
            raise error

    with pytest.raises(type(error)):
        step()
    assert _threads() == []


def test_system_metrics_every_zero_seconds_measure_nothing() -> None:
    with system_metrics(0, 0.0) as measured:
        assert _threads() == []
    assert measured() == []


def test_system_metrics_stop_at_a_failed_measurement_and_the_fit_continues(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def broken() -> dict[str, float | None]:
        raise OSError("/proc is gone")

    monkeypatch.setattr(system, "_measure", lambda: broken)
    with system_metrics(0, 0.01) as measured:
        while _threads():
            time.sleep(0.01)
    assert measured() == []
    assert [r.message for r in caplog.records] == ["System metrics stop: OSError: /proc is gone"]


def test_system_metrics_take_milliseconds() -> None:
    measure = system._measure()
    started = time.process_time()
    for _ in range(20):
        measure()
    assert (time.process_time() - started) / 20 < 0.05
