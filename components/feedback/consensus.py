"""Several annotators on one image: which label map counts, and how far they agree."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Sequence, Sized
from dataclasses import dataclass
from typing import Literal, Protocol, TypeVar

import numpy as np

from components.contracts.annotation.model import Annotation, AnnotationError
from components.contracts.scores.confusion import confusion_matrix
from components.contracts.scores.metrics import mean_iou_of_either
from tfds_cityscapes.labels import IGNORE_LABEL

Policy = Literal["latest", "consensus"]


class _Signed(Protocol):
    """What an annotator made."""

    @property
    def annotator(self) -> str: ...


T = TypeVar("T", bound=_Signed)


@dataclass(frozen=True)
class Agreement:
    """How far one annotator agrees with the others, and with the predictions that were shown.

    Both are `mean_iou_of_either`, from one confusion matrix over all images; None where there is
    nothing to compare.
    """

    annotator: str
    images: int
    with_others: float | None
    with_prediction: float | None


def moment(created_at: str | None) -> str:
    """When an annotation was made, to sort by: undated ones are as new as the file they came in."""
    return created_at or "~"


def latest_of_each(items: Iterable[T], when: Callable[[T], str]) -> list[T]:
    """Each annotator's latest item on one image, oldest first.

    Args:
      items: in the order in which they came, which decides between equal times.
      when: the time of an item.
    """
    latest: dict[str, T] = {}
    for item in sorted(items, key=when):
        latest.pop(item.annotator, None)  # so that the order is that of the latest ones
        latest[item.annotator] = item
    return list(latest.values())


def is_joined(policy: Policy, people: Sized) -> bool:
    """Whether a majority counts, and not the latest annotation."""
    return policy == "consensus" and len(people) > 1


def joint_name(annotators: Iterable[str]) -> str:
    """Whose a majority is."""
    return f"consensus of {', '.join(sorted(annotators))}"


def joined(people: Sequence[Annotation]) -> Annotation:
    """The majority of one image's annotations, the latest of each annotator, oldest first.

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
    """One annotation an image, by the campaign's policy.

    Args:
      annotations: in the order in which they came; those of one image have one size.
      policy: "latest": the last change wins; where dates are equal or missing, the one that came
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
        people = latest_of_each(group, lambda a: moment(a.created_at))
        resolved[image_id] = joined(people) if is_joined(policy, people) else people[-1]
    return resolved


def majority(maps: Sequence[np.ndarray], image_id: str) -> np.ndarray:
    """The class most annotators gave each pixel: uint8 [H, W]; ties become 255.

    A pixel that an annotator left unlabeled (255) is no vote: the others decide it.

    Args:
      maps: uint8 [H, W] of train ids, one an annotator.
      image_id: for the message.

    Raises:
      AnnotationError: the maps differ in size.
    """
    if len({m.shape for m in maps}) > 1:
        raise AnnotationError(
            f"Expected label maps of one size for image {image_id}; got "
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
    """Adds up how far annotators agree, image by image: no more than one image is in memory."""

    def __init__(self) -> None:
        self._images: dict[str, int] = {}
        self._others: dict[str, np.ndarray] = {}
        self._shown: dict[str, np.ndarray] = {}

    def add(self, latest: Sequence[Annotation], prediction: np.ndarray | None) -> None:
        """Adds an image: one annotation an annotator, and the prediction that was shown (or None).

        Maps of another size, [H, W] of train ids as all are, are passed over.
        """
        for annotation in latest:
            who = annotation.annotator
            self._images[who] = self._images.get(who, 0) + 1
            if prediction is not None and prediction.shape == annotation.train_ids.shape:
                _add(self._shown, who, annotation.train_ids, prediction)
        for one, other in itertools.permutations(latest, 2):
            if one.train_ids.shape == other.train_ids.shape:
                _add(self._others, one.annotator, one.train_ids, other.train_ids)

    def list(self) -> list[Agreement]:
        """The agreement of every annotator, sorted by name."""
        return [
            Agreement(who, n, _mean_iou(self._others.get(who)), _mean_iou(self._shown.get(who)))
            for who, n in sorted(self._images.items())
        ]


def _add(sums: dict[str, np.ndarray], who: str, one: np.ndarray, other: np.ndarray) -> None:
    """Add a pair of label maps to a confusion matrix; pixels that either ignores are left out."""
    both = np.where(other == IGNORE_LABEL, IGNORE_LABEL, one)
    sums[who] = sums.get(who, 0) + confusion_matrix(both, other)


def _mean_iou(confusion: np.ndarray | None) -> float | None:
    return None if confusion is None else mean_iou_of_either(confusion)
