"""How much memory the decoded images of a fit may take."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

import psutil

# Of what is free when the fit begins. The rest is for the networks' activations, which on a CPU lie
# in the same memory.
_SHARE = 0.25


class Budget:
    """Bytes that may still be kept; pools of images share one."""

    def __init__(self, size: int) -> None:
        self.left = size

    def take(self, size: int) -> bool:
        """Whether `size` bytes fit; they then count as taken."""
        if size > self.left:
            return False
        self.left -= size
        return True


def image_budget() -> Budget:
    """A quarter of the memory that is free to this process."""
    return Budget(int(_SHARE * free_memory()))


def free_memory(cgroup: Path = Path("/sys/fs/cgroup")) -> int:
    """Bytes free on the machine, or less if a container's limit is nearer.

    A pod that goes over its limit is killed, however much the node has left; psutil knows the
    node alone. Files in the kernel's cache count as used by a container, but make way.

    Args:
      cgroup: where the kernel shows the container's limits (cgroup version 2, or 1).
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
        # Not every kernel shows them, and "max" stands for no limit.
        with suppress(OSError, ValueError, KeyError):
            stat = dict(line.split() for line in (folder / "memory.stat").read_text().splitlines())
            most, now = (int((folder / name).read_text()) for name in (limit, used))
            free = min(free, most - now + int(stat[cache]))
    return max(0, free)
