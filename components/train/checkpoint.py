"""Save a fit's whole state in one file, from which an interrupted fit resumes bit for bit."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from components.contracts.process.files import replace

_META = "meta"


class Checkpoint:
    """Variables and a few numbers, in an .npz file that is replaced atomically.

    Attributes:
      path: the local file.
      stored: called after each save, to copy the file to a bucket.
    """

    def __init__(self, path: Path, stored: Callable[[Path], None] = lambda path: None) -> None:
        self.path, self.stored = path, stored

    def save(self, groups: dict[str, Sequence[Any]], meta: dict[str, Any]) -> None:
        """Write every variable of every group, and `meta` (JSON)."""
        arrays: dict[str, Any] = {
            f"{name}/{i}": np.asarray(variable)
            for name, variables in groups.items()
            for i, variable in enumerate(variables)
        }
        arrays[_META] = np.array(json.dumps(meta))
        replace(self.path, lambda file: np.savez(file, **arrays), fsync=True)
        self.stored(self.path)

    def load(self, groups: dict[str, Sequence[Any]]) -> dict[str, Any] | None:
        """Assign the saved values; return the saved `meta`, or None if there is no checkpoint."""
        for part in self.path.parent.glob(".*.part"):  # of a killed attempt to save
            part.unlink()
        if not self.path.exists():
            return None
        with np.load(self.path) as arrays:
            for name, variables in groups.items():
                for i, variable in enumerate(variables):
                    variable.assign(arrays[f"{name}/{i}"])
            return json.loads(str(arrays[_META]))

    def meta(self) -> dict[str, Any] | None:
        """Return the saved `meta` alone, or None if there is no checkpoint."""
        if not self.path.exists():
            return None
        with np.load(self.path) as arrays:
            saved: dict[str, Any] = json.loads(str(arrays[_META]))
            return saved

    def arrays(self, name: str) -> list[np.ndarray]:
        """Return a saved group as arrays, in order; an empty list if it was not saved."""
        with np.load(self.path) as arrays:
            count = sum(1 for key in arrays.files if key.startswith(f"{name}/"))
            return [arrays[f"{name}/{i}"] for i in range(count)]
