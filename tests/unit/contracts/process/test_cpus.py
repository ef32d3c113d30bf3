from __future__ import annotations

import os
from pathlib import Path

import pytest

from components.contracts.process.cpus import thread_limits, usable_cpus


@pytest.fixture
def cores(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda pid: set(range(64)))


def counted(tmp_path: Path, files: dict[str, str], membership: str = "") -> int:
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    (tmp_path / "member").write_text(membership)
    return usable_cpus(tmp_path, tmp_path / "member")


@pytest.mark.usefixtures("cores")
@pytest.mark.parametrize(
    ("files", "membership", "expected"),
    [
        ({}, "", 64),
        ({"cpu.max": "max 100000\n"}, "0::/\n", 64),
        ({"cpu.max": "200000 100000\n"}, "0::/\n", 2),
        ({"cpu.max": "150000 100000\n"}, "0::/\n", 2),
        ({"cpu.max": "20000 100000\n"}, "0::/\n", 1),
        ({"cpu.max": "9900000 100000\n"}, "0::/\n", 64),
        ({"cpu.max": "nonsense"}, "0::/\n", 64),
        # A quota of a group above counts as well.
        ({"a/cpu.max": "300000 100000", "a/b/cpu.max": "max 100000"}, "0::/a/b\n", 3),
        # In a container without a namespace of its own, only the top is there.
        ({"cpu.max": "400000 100000"}, "0::/docker/0123\n", 4),
        # Version 1.
        ({"cpu/cpu.cfs_quota_us": "-1", "cpu/cpu.cfs_period_us": "100000"}, "4:cpu:/\n", 64),
        ({"cpu/cpu.cfs_quota_us": "50000", "cpu/cpu.cfs_period_us": "10000"}, "", 5),
        (
            {
                "cpu,cpuacct/pod/cpu.cfs_quota_us": "250000",
                "cpu,cpuacct/pod/cpu.cfs_period_us": "100000",
            },
            "7:cpuset:/pod\n4:cpu,cpuacct:/pod\n",
            3,
        ),
    ],
)
def test_usable_cpus_follow_the_quota_of_the_container(
    tmp_path: Path, files: dict[str, str], membership: str, expected: int
) -> None:
    assert counted(tmp_path, files, membership) == expected


def test_usable_cpus_follow_the_scheduler(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda pid: {3, 7, 8})
    assert counted(tmp_path, {"cpu.max": "6400000 100000"}) == 3


@pytest.mark.usefixtures("cores")
def test_threads_are_limited_unless_the_user_chose_a_number(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(os, "environ", {"TF_NUM_INTRAOP_THREADS": "5"})
    assert thread_limits(64) == {}
    limits = thread_limits(2)
    assert set(limits.values()) == {"2"}
    assert {"TF_NUM_INTEROP_THREADS", "OPENCV_FOR_THREADS_NUM"} <= set(limits)
    assert "TF_NUM_INTRAOP_THREADS" not in limits
