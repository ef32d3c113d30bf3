"""Count the processors that this process may use, and make libraries start as many threads.

Libraries count the processors of the machine, or those that the scheduler may choose from. In a
container with a quota, such as two of 64, they would start 64 threads, and the kernel would let all
of them wait for most of every tenth of a second.
"""

from __future__ import annotations

import math
import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

# The variables that TensorFlow, OpenCV and the linear algebra of NumPy and SciPy read.
THREAD_VARIABLES = (
    "TF_NUM_INTRAOP_THREADS",
    "TF_NUM_INTEROP_THREADS",
    "OPENCV_FOR_THREADS_NUM",
    "OPENBLAS_NUM_THREADS",
    "OMP_NUM_THREADS",
)


def usable_cpus(
    cgroup: Path = Path("/sys/fs/cgroup"), membership: Path = Path("/proc/self/cgroup")
) -> int:
    """Return the processors that this process may keep busy: at least 1.

    A quota of one and a half counts as two.

    Args:
      cgroup: the folder in which the kernel shows the limits of groups (cgroup version 2 or 1).
      membership: the file that names the groups of this process.
    """
    quotas = [quota for folder in _groups(cgroup, membership) if (quota := _quota(folder))]
    return max(1, min([len(os.sched_getaffinity(0)), *map(math.ceil, quotas)]))


def thread_limits(cpus: int | None = None) -> dict[str, str]:
    """Return environment variables with which libraries start `cpus` threads at most.

    They count when the libraries are imported. Where the user has chosen a number, it stays; without
    a quota, there are none: the libraries count as they always do.
    """
    cpus = cpus or usable_cpus()
    if cpus >= len(os.sched_getaffinity(0)):
        return {}
    return {name: str(cpus) for name in THREAD_VARIABLES if name not in os.environ}


def _groups(cgroup: Path, membership: Path) -> Iterator[Path]:
    """Yield the folders whose quotas hold for this process: its groups and all above them."""
    lines = []
    with suppress(OSError):
        lines = membership.read_text().splitlines()
    for line in ["0::/", "0:cpu:/", "0:cpu,cpuacct:/", *lines]:
        _, controllers, path = line.split(":", 2)
        if controllers and "cpu" not in controllers.split(","):
            continue
        top = cgroup / controllers
        group = top / path.lstrip("/")  # a container may not see it: its own is at the top
        yield from (folder for folder in (group, *group.parents) if folder.is_relative_to(top))


def _quota(folder: Path) -> float | None:
    """Return the processors that a group may use in each period; None if it has no quota."""
    with suppress(OSError, ValueError):
        quota, period = (folder / "cpu.max").read_text().split()
        return int(quota) / int(period)  # "max" means no limit
    with suppress(OSError, ValueError):
        quota, period = (
            (folder / name).read_text() for name in ("cpu.cfs_quota_us", "cpu.cfs_period_us")
        )
        return int(quota) / int(period) if int(quota) > 0 else None
    return None
