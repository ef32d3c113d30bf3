"""Run the fits of an ablation in processes of their own, one at a time."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from components.contracts.process.errors import StreetloopError
from components.contracts.recipe.recipe import Recipe
from components.contracts.storage.base import Storage
from pipelines.ablation.plan import Design, Fit, Order, Plan, has_records, plan_of, scene_of
from pipelines.local.display import Screen
from pipelines.local.launch import child_environment
from pipelines.local.runner import log_file


class Worker:
    """Starts `pipelines.ablation.fit`, one process for each order."""

    def __init__(
        self, recipe: Recipe, root: str, storage: Storage, folder: Path, screen: Screen
    ) -> None:
        self._recipe, self._root, self._storage = recipe, root, storage
        self._folder, self._screen = folder, screen

    def plan(self, design: Design) -> Plan:
        """Make the records if they do not exist yet, and plan the fits."""
        with self._screen.following(self._folder / "progress"):
            scene = scene_of(self._recipe, self._storage)
        if not has_records(scene, self._storage):
            self.order(None, None)
        return plan_of(self._recipe, self._storage, scene, design)

    def order(self, fit: Fit | None, run_id: str | None) -> None:
        """Run one fit, or make the records; StreetloopError with the process's own error."""
        name = "records" if fit is None else f"{fit.name}-{fit.key}"
        log, error, path = (
            log_file(self._root, name),
            self._folder / "error",
            self._folder / "order",
        )
        log.parent.mkdir(parents=True, exist_ok=True)
        error.unlink(missing_ok=True)
        order = Order(recipe=self._recipe, root=self._root, fit=fit, run_id=run_id, error=error)
        path.write_text(order.model_dump_json())
        command = [sys.executable, "-m", "pipelines.ablation.fit", str(path)]
        with (
            open(log, "a") as file,
            self._screen.following(self._folder / "progress"),
            subprocess.Popen(command, stdout=file, stderr=file, env=child_environment()) as process,
        ):
            code = process.wait()
        if code:
            why = error.read_text() if error.exists() else f"The process exited with {code}."
            raise StreetloopError(f"{name} failed. {why} The whole log: {log}")
