"""Decide whether the challenger replaces the champion, from their scores on `dev` alone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from components.contracts.process.errors import StreetloopError, UsageError
from components.contracts.scores.summary import Scores
from tfds_cityscapes.labels import CLASS_NAMES

# So that "better by exactly the margin" is not decided by the last bit of a subtraction.
_EPSILON = 1e-12


@dataclass(frozen=True)
class Decision:
    """The gate's decision, and its reasons in sentences for the ledger, MLflow and the report."""

    promote: bool
    reasons: list[str]


def decide(
    challenger: Scores,
    champion: Scores | None,
    *,
    margin: float,
    protected: Sequence[str],
    max_drop: float,
) -> Decision:
    """Decide on the promotion of a challenger scored on the same `dev` images as the champion.

    The challenger is promoted if its mIoU is better by more than `margin` and no protected class
    loses more than `max_drop` IoU. Without a champion, any scored challenger is promoted.

    Args:
      challenger, champion: their scores on `dev`; `champion` is None in the first cycle.
      margin: mIoU to be gained, as a fraction >= 0 (0.01 is one point).
      protected: names of the classes that must not fall far.
      max_drop: IoU that such a class may lose, as a fraction >= 0.

    Raises:
      UsageError: a margin is negative or a protected class is unknown.
      StreetloopError: the two were scored on different labels, or there was nothing to score.
    """
    _check_settings(margin, protected, max_drop)
    if challenger.miou is None:
        raise StreetloopError(
            "The challenger was scored on no labeled pixel. Check that the dev split has labels."
        )
    if champion is None:
        return Decision(True, [f"There is no champion yet; mIoU {_percent(challenger.miou)}."])
    if champion.miou is None or _labeled(challenger) != _labeled(champion):
        raise StreetloopError(
            "Challenger and champion were not scored on the same dev images: "
            f"{challenger.pixels} and {champion.pixels} labeled pixels, or other classes. "
            "Score both again in one run."
        )
    gain = challenger.miou - champion.miou
    enough = gain > margin + _EPSILON
    reasons = [
        f"mIoU {_percent(champion.miou)} -> {_percent(challenger.miou)}: {_points(gain)}, "
        f"{'more' if enough else 'not more'} than the margin of {_points(margin)}."
    ]
    fallen = []
    for name in protected:
        before, after = champion.classes[name], challenger.classes[name]
        if before.pixels == 0 or before.iou is None or after.iou is None:
            reasons.append(f"Protected class {name} does not occur in dev: not judged.")
            continue
        drop = before.iou - after.iou
        if drop > max_drop + _EPSILON:
            fallen.append(name)
            reasons.append(
                f"Protected class {name} falls from {_percent(before.iou)} to "
                f"{_percent(after.iou)}: {_points(-drop)}, more than the {_points(-max_drop)} "
                "allowed."
            )
    if protected and not fallen:
        reasons.append(f"No protected class falls by more than {_points(max_drop, sign=False)}.")
    return Decision(enough and not fallen, reasons)


def _check_settings(margin: float, protected: Sequence[str], max_drop: float) -> None:
    for name, value in (("margin", margin), ("max_drop", max_drop)):
        if not 0 <= value <= 1:
            raise UsageError(f"The gate's {name} is {value}. Expected a fraction in [0, 1].")
    unknown = [name for name in protected if name not in CLASS_NAMES]
    if unknown:
        raise UsageError(
            f"Unknown protected classes: {', '.join(unknown)}. Expected some of "
            f"{', '.join(CLASS_NAMES)}."
        )


def _labeled(scores: Scores) -> dict[str, int]:
    return {name: row.pixels for name, row in scores.classes.items()}


def _percent(fraction: float) -> str:
    return f"{100 * fraction:.2f} %"


def _points(fraction: float, *, sign: bool = True) -> str:
    return f"{100 * fraction:{'+' if sign else ''}.2f} points"
