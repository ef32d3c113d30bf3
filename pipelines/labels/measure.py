"""Confident learning on label maps, image by image.

The measures are those of cleanlab's `segmentation` module (Lad and Mueller, 2023, "Estimating label
quality and errors in semantic segmentation data via any model", arXiv:2307.05080; Northcutt et al.,
2021, "Confident learning", arXiv:1911.00068). Its functions want all images in one array. Here each
image is added to sums and histograms of a fixed size, so that a thousand images need no more memory
than one.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from tfds_cityscapes.labels import IGNORE_LABEL, NUM_CLASSES

TEMPERATURE = 0.1  # cleanlab's default: low values look at the worst pixels only
_CLOSE = 1e-6  # cleanlab's FLOATING_POINT_COMPARISON
_LOWEST = 2 * _CLOSE  # cleanlab's CONFIDENT_THRESHOLDS_LOWER_BOUND
_SHIFT = 11  # bits of a float32 that a bin of own probabilities leaves out: it is 0.05 % wide
_OWN_BINS = (int(np.float32(1).view(np.uint32)) >> _SHIFT) + 1
_BINS = 2**16  # of the probabilities of the predicted class


class Judged(NamedTuple):
    """What a model says of one label map.

    Attributes:
      label: train ids, uint8 [H, W], 255 = ignore.
      own: the probability of the labeled class, float32 [H, W]; 1 where the label is ignored.
      predicted: the most probable train id, uint8 [H, W].
      confidence: its probability, float32 [H, W].
    """

    label: np.ndarray
    own: np.ndarray
    predicted: np.ndarray
    confidence: np.ndarray

    @property
    def differs(self) -> np.ndarray:
        """Where the model predicts another class than a label that counts: bool [H, W]."""
        differs: np.ndarray = (self.predicted != self.label) & (self.label != IGNORE_LABEL)
        return differs


def judge(label: np.ndarray, probabilities: np.ndarray) -> Judged:
    """Compare a label map, uint8 [H, W], with class probabilities, float32 [H, W, 19]."""
    scored = label != IGNORE_LABEL
    index = np.where(scored, label, 0)[..., None].astype(np.intp)
    own = np.where(scored, np.take_along_axis(probabilities, index, -1)[..., 0], np.float32(1))
    predicted = probabilities.argmax(-1).astype(np.uint8)
    return Judged(label, own, predicted, probabilities.max(-1))


def quality(judged: Judged) -> float:
    """Return cleanlab's "softmin" quality of one label map, in [0, 1]: lower is worse.

    It is the mean of the labeled classes' probabilities, weighted by exp((1 - p) / 0.1). Ignored pixels
    do not count; a map that has no other pixel scores 1.
    """
    own = judged.own[judged.label != IGNORE_LABEL].astype(np.float64)
    if not own.size:
        return 1.0
    doubt = (1 - own) / TEMPERATURE
    weights = np.exp(doubt - doubt.max())
    return float((own * weights).sum() / weights.sum())


class Rule(NamedTuple):
    """Which pixels are suspect.

    Attributes:
      thresholds: float64 [19], the mean probability of each class where it is labeled.
      expected: how many pixels are estimated to be labeled wrong.
      cutoff: the probability of the labeled class, below which a pixel is suspect.
    """

    thresholds: np.ndarray
    expected: int
    cutoff: float

    def suspect(self, judged: Judged) -> np.ndarray:
        """Return which pixels of a label map are probably wrong: bool [H, W]."""
        suspect: np.ndarray = judged.differs & (judged.own < self.cutoff)
        return suspect


class Statistics:
    """Sums over the label maps of a campaign; 14 MB, however many they are.

    Attributes:
      pixels: how many are labeled as each class, int64 [19].
    """

    def __init__(self) -> None:
        self.pixels = np.zeros(NUM_CLASSES, np.int64)
        self._own_sum = np.zeros(NUM_CLASSES)
        self._own = np.zeros(_OWN_BINS, np.int64)
        self._differing = np.zeros((NUM_CLASSES, _BINS), np.int64)

    def add(self, judged: Judged) -> None:
        """Add one label map."""
        scored = judged.label != IGNORE_LABEL
        label, own = judged.label[scored], judged.own[scored]
        self.pixels += np.bincount(label, minlength=NUM_CLASSES)
        self._own_sum += np.bincount(label, own.astype(np.float64), NUM_CLASSES)
        self._own += np.bincount(_own_bin(own), minlength=_OWN_BINS)
        predicted = judged.predicted[judged.differs].astype(np.intp)
        bins = (judged.confidence[judged.differs] * (_BINS - 1)).astype(np.intp)
        counts = np.bincount(predicted * _BINS + bins, minlength=self._differing.size)
        self._differing += counts.reshape(self._differing.shape)

    def rule(self) -> Rule:
        """Return which pixels are suspect, as cleanlab's `find_label_issues` decides.

        As many pixels are expected to be wrong as are predicted, with at least its threshold, to be
        of another class. The suspects are so many of those whose labeled class is least probable. The
        histograms round the two limits, by 0.002 % and by 0.05 % of their values.
        """
        thresholds = np.maximum(self._own_sum / np.maximum(self.pixels, 1), _LOWEST)
        edges = np.minimum((thresholds - _CLOSE) * (_BINS - 1), _BINS - 1).astype(np.intp)
        expected = sum(
            int(row[edge:].sum()) for row, edge in zip(self._differing, edges, strict=True)
        )
        if not expected:
            return Rule(thresholds, 0, 0.0)
        last = int(np.searchsorted(np.cumsum(self._own), expected))
        upper = np.array([(last + 1) << _SHIFT], np.uint32).view(np.float32)[0]
        return Rule(thresholds, expected, float(upper))


def _own_bin(own: np.ndarray) -> np.ndarray:
    """Return the bins of probabilities: the leading bits of a float32 are ordered as its value is."""
    bits: np.ndarray = np.minimum(own, np.float32(1)).view(np.uint32) >> _SHIFT
    return bits.astype(np.intp)
