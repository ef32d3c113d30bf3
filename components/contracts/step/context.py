"""What every step opens first: the campaign's storage, its ledger and its recipe."""

from __future__ import annotations

import logging
import os
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from pydantic import BaseModel, ValidationError

from components.contracts.ledger import layout
from components.contracts.ledger.ledger import Ledger
from components.contracts.ledger.rules import check_fence
from components.contracts.ledger.state import CycleState
from components.contracts.process.cpus import thread_limits
from components.contracts.process.errors import UsageError
from components.contracts.process.lean import import_keras_lean
from components.contracts.process.lifeline import hold
from components.contracts.process.progress import show_warnings
from components.contracts.process.uncaught import explain_uncaught
from components.contracts.recipe.recipe import Recipe
from components.contracts.step.done import run_once
from components.contracts.step.kept_log import begin_log, keep_log, keeps_logs
from components.contracts.storage.open import open_storage
from components.contracts.tracking.client import Tracker, tracker_of
from components.contracts.tracking.environment import keep_mlflow_quiet

if TYPE_CHECKING:
    from components.contracts.data.records import Records
    from components.contracts.model.predictor import Predictor
    from tfds_cityscapes.source import Source

DEBUG = "STREETLOOP_DEBUG"
R = TypeVar("R", bound=BaseModel)


class Context:
    """One cycle of a campaign, as a step sees it.

    Attributes:
      recipe: the campaign's settings.
      root: the campaign root's URI.
      cycle: the open cycle's number; 0 before one is open.
      fence: the lease's fencing number; every event of the cycle carries it.
    """

    def __init__(self, recipe: str, root: str, cycle: int = 0, fence: int | None = None) -> None:
        """Open the campaign at `root`.

        Raises:
          UsageError: `recipe` is not a resolved recipe, JSON.
        """
        try:
            self.recipe = Recipe.model_validate_json(recipe)
        except ValidationError as error:
            raise UsageError(f"Not a resolved recipe: {error}") from error
        self.root = root
        self.storage = open_storage(root)
        self.ledger = Ledger(self.storage)
        self.cycle, self.fence = cycle, fence

    def at(self, cycle: CycleState) -> Context:
        """Return another cycle of the campaign."""
        return Context(self.recipe.resolved(), self.root, cycle.cycle, cycle.fence)

    @property
    def opened(self) -> CycleState:
        """This cycle in the ledger."""
        return self.ledger.state().cycles[self.cycle]

    def keep_log(self, step: str, owner: str | None = None) -> None:
        """Keep what a step prints in the campaign root, if it runs on a cluster.

        Args:
          step: the task's name.
          owner: the run; None: the one that has opened the cycle.
        """
        if keeps_logs():
            named = self.recipe.cluster.pod.secret_env
            keep_log(self.storage, owner or self.opened.owner, step, named)

    def once(self, step: str, inputs: dict[str, Any], result: type[R], body: Callable[[], R]) -> R:
        """Run `body`, unless this cycle has already done so with these inputs.

        Raises:
          StaleLeaseError: another run holds the cycle now; its markers are left alone.
          FailedBeforeError, or whatever `body` raises: see `run_once`.
        """
        check_fence(self.ledger.state(), self.fence)
        named = self.recipe.cluster.pod.secret_env
        return run_once(self.storage, self.cycle, step, inputs, result, body, self.fence, named)

    def source(self) -> Source:
        """Open the data set, generating it first if the recipe says so."""
        from components.contracts.data.raw import locate

        return locate(self.recipe.data, self.recipe.seed, self.storage, layout.SOURCE)

    def records(self, prefix: str) -> Records:
        """Open the records in a folder of the campaign root."""
        from components.contracts.data.records import Records

        return Records(self.storage.local_dir(prefix))

    def predictor(self, model: str) -> Predictor:
        """Load a model of the campaign, to predict as the recipe's `inference` says."""
        from components.contracts.model.files import load_generator
        from components.contracts.model.predictor import Predictor

        folder = self.storage.local_dir(layout.model_folder(model))
        return Predictor(load_generator(folder), self.recipe.inference)

    def tracker(self, *, strict: bool = False) -> Tracker:
        """Return the campaign's MLflow; `strict`: see `Connection`."""
        return tracker_of(self.recipe.tracking, self.root, strict=strict)

    def champion_before(self) -> str | None:
        """Return the champion as this cycle found it.

        A rerun after a promotion must not see the cycle's own.
        """
        earlier = [c for c in self.ledger.state().champions if c.cycle != self.cycle]
        return earlier[-1].model if earlier else None

    @contextmanager
    def writing(self, prefix: str) -> Iterator[Path]:
        """Yield an empty local folder, and store it under `prefix` if the block succeeds."""
        with tempfile.TemporaryDirectory(prefix="streetloop-") as folder:
            yield Path(folder)
            self.storage.put_dir(Path(folder), prefix)


def begin(step: str) -> None:
    """Set up logging and errors in a step's process, and tie its life to the command that started it."""
    begin_log()  # before anything takes the streams as they are
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s")
    if os.environ.get(DEBUG):
        logging.getLogger("streetloop").setLevel(logging.DEBUG)
    explain_uncaught()
    set_environment()
    import_keras_lean()
    show_warnings(step)
    hold()
    logging.getLogger("streetloop").info("%s begins", step)


def set_environment() -> None:
    """Set what TensorFlow, Keras and MLflow read when they are imported, unless the user has."""
    logging.getLogger("absl").setLevel(logging.ERROR)
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    # TensorFlow leaves oneDNN off on some processors, where it saves a tenth of a training step.
    os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "1")
    # A missing MLflow should cost seconds, not the minutes of the client's own retries.
    os.environ.setdefault("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "2")
    os.environ.setdefault("MLFLOW_HTTP_REQUEST_TIMEOUT", "20")
    # Not the user's: our networks need this backend, and channels last. A user's keras.json may
    # say otherwise for other projects, so Keras looks for it where nothing can be.
    os.environ["KERAS_BACKEND"] = "tensorflow"
    os.environ["KERAS_HOME"] = os.devnull
    # A notebook sets one for its own processes, which need not be installed here.
    os.environ["MPLBACKEND"] = "agg"
    if os.path.expanduser("~") == "~":  # a container's user without an entry in /etc/passwd
        os.environ["HOME"] = tempfile.gettempdir()
    os.environ.update(thread_limits())
    keep_mlflow_quiet()
