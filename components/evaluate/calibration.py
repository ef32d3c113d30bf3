"""Do 80 % sure pixels turn out right 80 % of the time? Expected calibration error, streamed."""

from __future__ import annotations

from typing import Any

import numpy as np

from components.contracts.process.errors import StreetloopError


class Calibration:
    """Reliability bins of the most probable class, filled image by image in constant memory.

    Source: Guo et al., "On Calibration of Modern Neural Networks", 2017, section 2: the expected
    calibration error is the sum over the bins of (share of pixels) · |accuracy - mean confidence|.
    Bins have equal width; bin m holds confidences in [m/M, (m+1)/M), the last one 1.0 as well.
    """

    def __init__(self, num_bins: int = 15) -> None:
        """Starts empty.

        Raises:
          StreetloopError: `num_bins` is not positive.
        """
        if num_bins < 1:
            raise StreetloopError(f"Expected at least one reliability bin; got {num_bins}.")
        self.counts = np.zeros(num_bins, np.int64)
        self.correct = np.zeros(num_bins, np.int64)
        self.confidence_sums = np.zeros(num_bins, np.float64)

    def update(self, confidence: np.ndarray, correct: np.ndarray) -> None:
        """Adds scored pixels (leave the ignored ones out).

        Args:
          confidence: float of any shape, the largest class probability, in [0, 1].
          correct: bool of the same shape, whether that class is the true one.

        Raises:
          StreetloopError: the shapes differ, or a confidence is NaN or outside [0, 1].
        """
        confidence = np.asarray(confidence, np.float64).ravel()
        correct = np.asarray(correct, bool).ravel()
        if confidence.shape != correct.shape:
            raise StreetloopError(
                f"Expected as many confidences as outcomes; got {confidence.size} and "
                f"{correct.size}."
            )
        # Softmax in float32 may exceed 1 by rounding.
        if not ((confidence >= 0) & (confidence <= 1 + 1e-5)).all():
            raise StreetloopError(
                "Expected confidences in [0, 1]; got NaN or values outside. Pass probabilities "
                "(softmax of the logits), not logits."
            )
        num_bins = self.counts.size
        bins = np.minimum((confidence * num_bins).astype(np.int64), num_bins - 1)
        self.counts += np.bincount(bins, minlength=num_bins)
        self.correct += np.bincount(bins[correct], minlength=num_bins)
        self.confidence_sums += np.bincount(bins, weights=confidence, minlength=num_bins)

    def ece(self) -> float | None:
        """Expected calibration error in [0, 1]; None before the first pixel."""
        total = self.counts.sum()
        if not total:
            return None
        return float(np.abs(self.correct - self.confidence_sums).sum() / total)

    def to_json(self) -> dict[str, Any]:
        """The ECE and one row a bin: bounds, pixels, accuracy and confidence (null if empty)."""
        width = 1 / self.counts.size
        rows = []
        for index, count in enumerate(self.counts.tolist()):
            rows.append(
                {
                    "low": index * width,
                    "high": (index + 1) * width,
                    "pixels": count,
                    "accuracy": float(self.correct[index] / count) if count else None,
                    "confidence": float(self.confidence_sums[index] / count) if count else None,
                }
            )
        return {"ece": self.ece(), "bins": rows}
