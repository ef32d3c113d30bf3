"""What every step opens first: the campaign's storage, its ledger and its recipe."""

from __future__ import annotations

import json
import logging
import os
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

from components.contracts.ledger.ledger import Ledger
from components.contracts.process.lifeline import hold
from components.contracts.recipe.base import Settings
from components.contracts.recipe.data import DataSettings, SplitSettings
from components.contracts.step.done import run_once
from components.contracts.storage.open import open_storage

S = TypeVar("S", bound=Settings)


class Context:
    """One cycle of a campaign, as a step sees it.

    Attributes:
      recipe: the resolved recipe, by section.
      cycle: the open cycle's number.
      fence: the lease's fencing number; every event of the cycle carries it.
    """

    def __init__(self, recipe: str, root: str, cycle: int = 0, fence: int | None = None) -> None:
        self.recipe: dict[str, Any] = json.loads(recipe)
        self.root = root
        self.storage = open_storage(root)
        self.ledger = Ledger(self.storage)
        self.cycle, self.fence = cycle, fence
        self.seed: int = self.recipe["seed"]

    def settings(self, section: str, model: type[S]) -> S:
        """The recipe's settings of one step."""
        return model.model_validate(self.recipe.get(section) or {})

    @property
    def data(self) -> DataSettings:
        """The settings of the data."""
        return self.settings("data", DataSettings)

    @property
    def split(self) -> SplitSettings:
        """The settings of the splits."""
        return self.settings("split", SplitSettings)

    def work(self, name: str = "") -> str:
        """A name below this cycle's working folder, which is gone when the cycle closes."""
        return f"work/{self.cycle}/{name}".rstrip("/")

    def once(
        self, step: str, inputs: dict[str, Any], body: Callable[[], dict[str, Any]]
    ) -> dict[str, Any]:
        """Runs `body`, unless this cycle already has done so with these inputs."""
        return run_once(self.storage, self.cycle, step, inputs, body)

    def champion_before(self) -> str | None:
        """The champion as this cycle found it; a rerun after a promotion must not see its own."""
        earlier = [c for c in self.ledger.state().champions if c.cycle != self.cycle]
        return earlier[-1].model if earlier else None

    @contextmanager
    def writing(self, prefix: str, last: str = "") -> Iterator[Path]:
        """Yields an empty local folder, and stores it under `prefix` if the block succeeds.

        The file `last` tells that all are there: see `Storage.put_dir`.
        """
        with tempfile.TemporaryDirectory(prefix="streetloop-") as folder:
            yield Path(folder)
            self.storage.put_dir(Path(folder), prefix, last)


def begin(step: str) -> None:
    """Sets up logging in a step's process, and ties its life to the command that started it."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s")
    set_environment()
    hold()
    logging.getLogger("streetloop").info("%s begins", step)


def set_environment() -> None:
    """Sets what TensorFlow and MLflow read when they are imported, unless the user has."""
    logging.getLogger("absl").setLevel(logging.ERROR)
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    # TensorFlow leaves oneDNN off on some processors, where it saves a tenth of a training step.
    os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "1")
    # A missing MLflow should cost seconds, not the minutes of the client's own retries.
    os.environ.setdefault("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "2")
    os.environ.setdefault("MLFLOW_HTTP_REQUEST_TIMEOUT", "20")
