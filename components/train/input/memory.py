"""Decide how much memory the decoded images of a fit may take."""

from __future__ import annotations

import threading
from contextlib import suppress
from pathlib import Path

import psutil

# Of the memory that is free when the fit begins. The rest is for the networks' activations, which
# on a CPU are in the same memory.
_SHARE = 0.25


class Budget:
    """The bytes that may still be kept; pools of images share one."""

    def __init__(self, size: int) -> None:
        self.left = size
        self._lock = threading.Lock()

    def take(self, size: int) -> bool:
        """Return whether `size` bytes fit; if they do, they count as taken. Threads may call this."""
        with self._lock:
            if size > self.left:
                return False
            self.left -= size
            return True


def image_budget() -> Budget:
    """Return a quarter of the memory that is free to this process."""
    return Budget(int(_SHARE * free_memory()))


def free_memory(cgroup: Path = Path("/sys/fs/cgroup")) -> int:
    """Return the bytes that are free on the machine, or fewer if a container's limit is nearer.

    A pod that exceeds its limit is killed, however much the node has left, and psutil knows only
    the node. Files in the kernel's cache count as used by a container, but make way.

    Args:
      cgroup: the folder in which the kernel shows the container's limits (cgroup version 2 or 1).
    """
    free = psutil.virtual_memory().available
    for folder, limit, used, cache in (
        (cgroup, "memory.max", "memory.current", "inactive_file"),
        (
            cgroup / "memory",
            "memory.limit_in_bytes",
            "memory.usage_in_bytes",
            "total_inactive_file",
        ),
    ):
        # Not every kernel shows them, and "max" means no limit.
        with suppress(OSError, ValueError, KeyError):
            stat = dict(line.split() for line in (folder / "memory.stat").read_text().splitlines())
            limit_bytes, used_bytes = (int((folder / name).read_text()) for name in (limit, used))
            free = min(free, limit_bytes - used_bytes + int(stat[cache]))
    return max(0, free)
