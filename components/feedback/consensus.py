"""Several annotators of one image: which label map counts, and how well they agree."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Sequence, Sized
from typing import Literal, Protocol, TypeVar

import numpy as np

from components.contracts.annotation.model import Annotation, AnnotationError
from components.contracts.scores.confusion import confusion_matrix
from components.contracts.scores.metrics import mean_iou_of_either
from components.contracts.step.report import AnnotatorAgreement
from tfds_cityscapes.labels import IGNORE_LABEL

Policy = Literal["latest", "consensus"]


class _Signed(Protocol):
    """Anything with an annotator."""

    @property
    def annotator(self) -> str: ...


T = TypeVar("T", bound=_Signed)


def time_key(annotation: Annotation) -> str:
    """Return a key to sort by time. Undated annotations are as new as their file: they sort last."""
    return annotation.created_at or "~"


def latest_of_each(items: Iterable[T], when: Callable[[T], str]) -> list[T]:
    """Return each annotator's latest item on one image, oldest first.

    Args:
      items: in order of arrival, which decides between equal times.
      when: returns the time of an item.
    """
    latest: dict[str, T] = {}
    for item in sorted(items, key=when):
        latest.pop(item.annotator, None)  # re-insert: the order is that of the latest items
        latest[item.annotator] = item
    return list(latest.values())


def needs_majority(policy: Policy, people: Sized) -> bool:
    """Return whether the majority counts rather than the latest annotation."""
    return policy == "consensus" and len(people) > 1


def joint_name(annotators: Iterable[str]) -> str:
    """Name the annotators of a majority."""
    return f"consensus of {', '.join(sorted(annotators))}"


def joint_annotation(people: Sequence[Annotation]) -> Annotation:
    """Return the majority of one image's annotations: the latest of each annotator, oldest first.

    Raises:
      AnnotationError: label maps differ in size.
    """
    newest = people[-1]
    return Annotation(
        newest.image_id,
        majority([a.train_ids for a in people], newest.image_id),
        joint_name(a.annotator for a in people),
        newest.created_at,
        "; ".join(dict.fromkeys(a.source for a in people)),
    )


def resolve(annotations: Iterable[Annotation], policy: Policy) -> dict[str, Annotation]:
    """Choose one annotation per image, by the campaign's policy.

    Args:
      annotations: in order of arrival; those of one image have one size.
      policy: "latest": the last change wins; if dates are equal or missing, the one that arrived
        last. "consensus": see `majority`, over the latest annotation of each annotator.

    Returns:
      image id -> annotation, sorted by id.

    Raises:
      AnnotationError: label maps of one image differ in size.
    """
    groups: dict[str, list[Annotation]] = {}
    for annotation in annotations:
        groups.setdefault(annotation.image_id, []).append(annotation)
    resolved = {}
    for image_id, group in sorted(groups.items()):
        people = latest_of_each(group, time_key)
        resolved[image_id] = (
            joint_annotation(people) if needs_majority(policy, people) else people[-1]
        )
    return resolved


def majority(maps: Sequence[np.ndarray], image_id: str) -> np.ndarray:
    """Return the class that most annotators gave each pixel: uint8 [H, W]; ties become 255.

    A pixel that an annotator left unlabeled (255) is not a vote: the others decide.

    Args:
      maps: uint8 [H, W] of train ids, one per annotator.
      image_id: for the error message.

    Raises:
      AnnotationError: the maps differ in size.
    """
    if len({m.shape for m in maps}) > 1:
        raise AnnotationError(
            f"The label maps of image {image_id} differ in size: "
            + ", ".join(sorted({f"{m.shape[1]}x{m.shape[0]}" for m in maps}))
            + "."
        )
    best = np.zeros(maps[0].shape, np.uint16)
    winner = np.full(maps[0].shape, IGNORE_LABEL, np.uint8)
    for train_id in sorted({int(i) for m in maps for i in np.unique(m)} - {IGNORE_LABEL}):
        votes = np.sum([m == train_id for m in maps], axis=0, dtype=np.uint16)
        winner[(votes == best) & (votes > 0)] = IGNORE_LABEL
        winner[votes > best] = train_id
        best = np.maximum(best, votes)
    return winner


class Agreements:
    """Sums up how well annotators agree, image by image: only one image is in memory."""

    def __init__(self) -> None:
        self._images: dict[str, int] = {}
        self._others: dict[str, np.ndarray] = {}
        self._shown: dict[str, np.ndarray] = {}

    def add(self, latest: Sequence[Annotation], prediction: np.ndarray | None) -> None:
        """Add an image: one annotation per annotator, and the prediction that was shown, if any.

        Two maps of different sizes are not compared.
        """
        for annotation in latest:
            who = annotation.annotator
            self._images[who] = self._images.get(who, 0) + 1
            if prediction is not None and prediction.shape == annotation.train_ids.shape:
                _add(self._shown, who, annotation.train_ids, prediction)
        for one, other in itertools.permutations(latest, 2):
            if one.train_ids.shape == other.train_ids.shape:
                _add(self._others, one.annotator, one.train_ids, other.train_ids)

    def list(self) -> list[AnnotatorAgreement]:
        """Return the agreement of every annotator, sorted by name.

        It is `mean_iou_of_either`, from one confusion matrix over all images; None where there is
        nothing to compare.
        """
        return [
            AnnotatorAgreement(
                annotator=who,
                images=images,
                with_others=_mean_iou(self._others.get(who)),
                with_prediction=_mean_iou(self._shown.get(who)),
            )
            for who, images in sorted(self._images.items())
        ]


def _add(sums: dict[str, np.ndarray], who: str, one: np.ndarray, other: np.ndarray) -> None:
    """Add a pair of label maps to a confusion matrix; pixels that either ignores are left out."""
    both = np.where(other == IGNORE_LABEL, IGNORE_LABEL, one)
    sums[who] = sums.get(who, 0) + confusion_matrix(both, other)


def _mean_iou(confusion: np.ndarray | None) -> float | None:
    return None if confusion is None else mean_iou_of_either(confusion)
