"""What a check of the labels finds, as `reports/labels.json` in the campaign root holds it."""

from __future__ import annotations

from typing import Literal

from components.contracts.scores.report import Count, Fraction, Stored


class SuspectRegion(Stored):
    """Connected pixels that are probably labeled wrong.

    Attributes:
      labeled, predicted: the names of the classes.
      pixels: how many; `share` of the image.
      box: top, left, bottom and right edge in pixels of the label map; the last two are outside.
      score: the sum of p(predicted) - p(labeled), divided by the image's pixels. Higher: ask first.
    """

    labeled: str
    predicted: str
    pixels: Count
    share: Fraction
    box: tuple[int, int, int, int]
    score: Fraction


class CheckedLabel(Stored):
    """One label map.

    Attributes:
      image_id, annotator: whose it is.
      sha256: of the label map.
      judge: the id of the model that judged it, and the `cycle` that trained it.
      in_sample: whether that model may have been trained on a label of this image.
      quality: cleanlab's "softmin" score in [0, 1]; the lowest one comes first in the list.
      doubt: the sum of p(predicted) - p(labeled) over the suspect pixels, divided by the image's pixels.
      suspect_share: share of the pixels that are suspect.
      regions: the worst ones, the highest score first.
    """

    image_id: str
    annotator: str
    sha256: str
    judge: str
    cycle: Count
    in_sample: bool
    quality: Fraction
    doubt: Fraction
    suspect_share: Fraction
    regions: list[SuspectRegion]


class LabelsCheck(Stored):
    """All label maps of a campaign, the most suspect one first.

    Attributes:
      format: of this file; a change of meaning gets the next number.
      version: the ledger's last event.
      expected_wrong: share of the labeled pixels that are estimated to be wrong.
      thresholds: by class, the mean probability where it is labeled; null for a class without labels.
      without_record: labeled images that the data set no longer has; they were not checked.
      images: the label maps.
      tasks: the folder of the annotation tasks, if any were written.
    """

    format: Literal[1] = 1
    version: Count
    expected_wrong: Fraction
    thresholds: dict[str, float | None]
    without_record: list[str]
    images: list[CheckedLabel]
    tasks: str | None = None
