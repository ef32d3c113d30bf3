"""Compare confidence with accuracy: the expected calibration error, summed image by image."""

from __future__ import annotations

import numpy as np

from components.contracts.process.errors import StreetloopError
from components.contracts.scores.report import CalibrationScores, ReliabilityBin

_BINS = 15


class Calibration:
    """Reliability bins of the most probable class, in constant memory.

    A model is calibrated if 80 % of the pixels of which it is 80 % sure are right.

    Source: Guo et al., "On Calibration of Modern Neural Networks", 2017, section 2: the expected
    calibration error is the sum over the bins of (share of pixels) · |accuracy - mean confidence|.
    Bins have equal width; bin m holds confidences in [m/M, (m+1)/M), the last one 1.0 as well.
    """

    def __init__(self) -> None:
        self.counts = np.zeros(_BINS, np.int64)
        self.correct = np.zeros(_BINS, np.int64)
        self.confidence_sums = np.zeros(_BINS, np.float64)

    def update(self, confidence: np.ndarray, correct: np.ndarray) -> None:
        """Add scored pixels, without the ignored ones.

        Args:
          confidence: float of any shape, the largest class probability, in [0, 1].
          correct: bool of the same shape, true where that class is the true one.

        Raises:
          StreetloopError: the shapes differ, or a confidence is NaN or outside [0, 1].
        """
        confidence = np.asarray(confidence, np.float64).ravel()
        correct = np.asarray(correct, bool).ravel()
        if confidence.shape != correct.shape:
            raise StreetloopError(
                f"{confidence.size} confidences do not match {correct.size} outcomes. Pass one of "
                "each per pixel."
            )
        # Softmax in float32 may exceed 1 by rounding.
        if not ((confidence >= 0) & (confidence <= 1 + 1e-5)).all():
            raise StreetloopError(
                "Confidences are NaN or outside [0, 1]. Pass probabilities (softmax of the logits), "
                "not logits."
            )
        bins = np.minimum((confidence * _BINS).astype(np.int64), _BINS - 1)
        self.counts += np.bincount(bins, minlength=_BINS)
        self.correct += np.bincount(bins[correct], minlength=_BINS)
        self.confidence_sums += np.bincount(bins, weights=confidence, minlength=_BINS)

    def ece(self) -> float | None:
        """Return the expected calibration error in [0, 1]; None before the first pixel."""
        total = self.counts.sum()
        if not total:
            return None
        return float(np.abs(self.correct - self.confidence_sums).sum() / total)

    def scores(self) -> CalibrationScores:
        """Return the ECE and every bin; an empty one has neither accuracy nor confidence."""
        width = 1 / self.counts.size
        bins = [
            ReliabilityBin(
                low=index * width,
                high=(index + 1) * width,
                pixels=count,
                accuracy=self.correct[index] / count if count else None,
                confidence=self.confidence_sums[index] / count if count else None,
            )
            for index, count in enumerate(self.counts.tolist())
        ]
        return CalibrationScores(ece=self.ece(), bins=bins)
