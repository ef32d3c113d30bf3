"""Measure how long the model waits for images."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator

import tensorflow as tf

log = logging.getLogger("streetloop")
_TOO_MUCH = 0.05  # share of waiting above which there is a warning


class WaitingClock:
    """Measures the steps of a fit, and what share of their time passes before their images arrive.

    The first step does not count: it is traced, which takes as long as dozens of steps.
    """

    def __init__(self) -> None:
        self._waiting = self._steps = 0.0
        self._warm = False
        self._asked = self._arrived = 0.0

    def next_batch(self, batches: Iterator[dict[str, tf.Tensor]]) -> dict[str, tf.Tensor]:
        """Begin a step: wait for its images."""
        self._asked = time.monotonic()
        batch = next(batches)
        self._arrived = time.monotonic()
        return batch

    def end_step(self) -> None:
        """End the step that the last batch began."""
        if self._warm:
            self._waiting += self._arrived - self._asked
            self._steps += time.monotonic() - self._asked
        self._warm = True

    @property
    def share(self) -> float:
        """The waiting as a share of all steps' time; 0 before the second step."""
        return self._waiting / self._steps if self._steps else 0.0

    def log_share(self) -> None:
        """Log the share, and warn if it is too large."""
        log.info("The model waited for images for %.1f %% of the steps' time.", 100 * self.share)
        if self.share > _TOO_MUCH:
            log.warning(
                "The model waited for images for %.0f %% of the steps' time; at most %.0f %% is "
                "expected. Give the step more CPU cores, or store smaller images (data.size).",
                100 * self.share,
                100 * _TOO_MUCH,
            )
