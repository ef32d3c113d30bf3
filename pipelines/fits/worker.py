"""Run the fits of an experiment in processes of their own, one at a time."""

from __future__ import annotations

from pathlib import Path

from components.contracts.recipe.recipe import Recipe
from components.contracts.storage.base import Storage
from pipelines.experiment.job import Jobs
from pipelines.experiment.scene import Scene, has_records, scene_of
from pipelines.fits.fit import Fit, FitOrder
from pipelines.local.display import Screen


class Worker:
    """Starts `pipelines.fits.process`, one process for each order."""

    def __init__(
        self,
        recipe: Recipe,
        root: str,
        storage: Storage,
        folder: Path,
        screen: Screen,
        splits: tuple[str, ...] = ("dev", "val"),
    ) -> None:
        self._recipe, self._root, self._storage = recipe, root, storage
        self._splits = splits
        self._folder, self._screen = folder, screen
        self._jobs = Jobs("pipelines.fits.process", root, folder)

    def scene(self) -> Scene:
        """Divide the data set, and make its records if they do not exist yet."""
        with self._screen.following(self._folder / "progress"):
            scene = scene_of(self._recipe, self._storage)
        if not has_records(scene, self._storage):
            self.order(None, None)
        return scene

    def order(self, fit: Fit | None, run_id: str | None) -> None:
        """Run one fit, or make the records; StreetloopError with the process's own error."""
        name = "records" if fit is None else f"{fit.name}-{fit.key}"
        order = FitOrder(
            recipe=self._recipe, root=self._root, fit=fit, run_id=run_id, splits=self._splits
        )
        with self._screen.following(self._folder / "progress"):
            self._jobs.run(name, order)
