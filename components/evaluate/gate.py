"""Decide whether the challenger replaces the champion, from their scores on `dev` alone."""

from __future__ import annotations

from dataclasses import dataclass

from components.contracts.process.errors import StreetloopError
from components.contracts.recipe.evaluate import GateSettings
from components.contracts.scores.summary import Scores

# So that "better by exactly the margin" is not decided by the last bit of a subtraction.
_EPSILON = 1e-12


@dataclass(frozen=True)
class Decision:
    """The gate's decision, and its reasons in sentences for the ledger, MLflow and the report."""

    promote: bool
    reasons: list[str]


def decide(challenger: Scores, champion: Scores | None, gate: GateSettings) -> Decision:
    """Decide on the promotion of a challenger scored on the same `dev` images as the champion.

    The challenger is promoted if its mIoU is better by more than `gate.margin` and no protected
    class loses more than `gate.max_drop` IoU. Without a champion, any scored challenger is promoted.

    Args:
      challenger, champion: their scores on `dev`; `champion` is None in the first cycle.
      gate: what must be gained, and what may be lost.

    Raises:
      StreetloopError: the two were scored on different labels, or there was nothing to score.
    """
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
    enough = gain > gate.margin + _EPSILON
    reasons = [
        f"mIoU {_percent(champion.miou)} -> {_percent(challenger.miou)}: {_points(gain)}, "
        f"{'more' if enough else 'not more'} than the margin of {_points(gate.margin)}."
    ]
    fallen = []
    for name in gate.protected:
        before, after = champion.classes[name], challenger.classes[name]
        if before.pixels == 0 or before.iou is None or after.iou is None:
            reasons.append(f"Protected class {name} does not occur in dev: not judged.")
            continue
        drop = before.iou - after.iou
        if drop > gate.max_drop + _EPSILON:
            fallen.append(name)
            reasons.append(
                f"Protected class {name} falls from {_percent(before.iou)} to "
                f"{_percent(after.iou)}: {_points(-drop)}, more than the {_points(-gate.max_drop)} "
                "allowed."
            )
    if gate.protected and not fallen:
        most = _points(gate.max_drop, sign=False)
        reasons.append(f"No protected class falls by more than {most}.")
    return Decision(enough and not fallen, reasons)


def _labeled(scores: Scores) -> dict[str, int]:
    return {name: row.pixels for name, row in scores.classes.items()}


def _percent(fraction: float) -> str:
    return f"{100 * fraction:.2f} %"


def _points(fraction: float, *, sign: bool = True) -> str:
    return f"{100 * fraction:{'+' if sign else ''}.2f} points"
