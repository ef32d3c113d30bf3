"""Plan one street: what stands and moves where, in metres, whatever the camera sees."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from tfds_cityscapes.synthetic.camera import FAR
from tfds_cityscapes.synthetic.cities import City
from tfds_cityscapes.synthetic.weather import Light, make_light

LENGTH = FAR + 70.0  # metres of street: as far as the last frame of a sequence sees
BLOCK = 12  # sequences in which every rare thing occurs as often as _PER_BLOCK says

# How many sequences of a block are sure to show it. Rare classes follow a schedule, not luck: a data
# set of a few hundred frames would otherwise miss some of them.
_PER_BLOCK = {
    "train": 1, "bus": 1, "truck": 2, "motorcycle": 2, "cyclist": 4, "wall": 3, "fence": 4,
    "crossing": 5, "bikes": 4, "terrain": 4,
}  # fmt: skip


@dataclass(frozen=True)
class Thing:
    """Something that stands or moves in the street."""

    kind: str
    x: float  # metres from the centre line
    z: float  # metres from the street's start, in frame 0
    seed: tuple[int, ...]  # of its looks, which stay the same from frame to frame
    speed: float = 0.0  # metres along the street per frame
    drift: float = 0.0  # metres to the right per frame
    heading: float = 0.0  # degrees: 0 = away from the camera, 90 = to the right

    def rng(self) -> np.random.Generator:
        """Return a new generator of its looks."""
        return np.random.default_rng(self.seed)


@dataclass(frozen=True)
class Lot:
    """A piece of land beside the street: building, park, wall or fence."""

    kind: str
    side: int  # -1 left, 1 right
    start: float  # metres
    end: float
    seed: tuple[int, ...]


@dataclass
class Street:
    """One street in one light."""

    city: City
    light: Light
    half_width: float  # metres from the centre line to the kerb
    lane: float  # metres
    lanes: int  # per direction
    verge: tuple[float, float]  # metres of grass between kerb and sidewalk, left and right
    sidewalk: tuple[float, float]
    curve: float
    rails: bool
    crossings: list[tuple[float, float]]
    lots: list[Lot] = field(default_factory=list)
    things: list[Thing] = field(default_factory=list)

    def edge(self, side: int) -> float:
        """Return the lateral place (m, signed) where the lots begin."""
        k = 0 if side < 0 else 1
        return side * (self.half_width + self.verge[k] + self.sidewalk[k])

    def walkway(self, side: int, share: float) -> float:
        """Return a lateral place (m, signed) on the sidewalk; 0 = at the road, 1 = at the lots."""
        k = 0 if side < 0 else 1
        return side * (self.half_width + self.verge[k] + share * self.sidewalk[k])

    def at_crossing(self, z: float, margin: float = 0.0) -> bool:
        """Return whether the place z is on a crossing, or closer to one than `margin` (m)."""
        return any(a - margin <= z <= b + margin for a, b in self.crossings)


def scheduled(seed: int, split_index: int, sequence: int) -> frozenset[str]:
    """Return the rare things that this sequence is sure to show."""
    block, place = divmod(sequence, BLOCK)
    rng = np.random.default_rng([seed, 11, split_index, block])
    return frozenset(
        name for name, count in _PER_BLOCK.items() if place in rng.permutation(BLOCK)[:count]
    )


def make_street(seed: tuple[int, ...], city: City, sure: frozenset[str]) -> Street:
    """Plan the street of one sequence.

    Args:
      seed: of the sequence.
      city: of the street.
      sure: rare things that must be close to the camera's path.
    """
    rng = np.random.default_rng(seed)
    family = city.family
    lanes = int(rng.integers(family.lanes[0], family.lanes[1] + 1))
    lane = float(rng.uniform(3.0, 3.7))
    parking = 2.0 if rng.random() < 0.6 else 0.6
    verges = [float(rng.uniform(1.5, 3.5)) if rng.random() < family.verge else 0.0 for _ in "lr"]
    if "terrain" in sure and max(verges) == 0.0:
        verges[int(rng.integers(2))] = 2.5
    street = Street(
        city=city,
        light=make_light(rng, city),
        half_width=lanes * lane + parking,
        lane=lane,
        lanes=lanes,
        verge=(verges[0], verges[1]),
        sidewalk=(float(rng.uniform(1.8, 4.0)), float(rng.uniform(1.8, 4.0))),
        curve=float(rng.normal(0.0, 0.0012)),
        rails="train" in sure or (family.lanes[1] > 1 and rng.random() < 0.15),
        crossings=_crossings(rng, "crossing" in sure),
    )
    for side in (-1, 1):
        _plan_lots(rng, street, side, sure, seed)
    return street


def _crossings(rng: np.random.Generator, sure: bool) -> list[tuple[float, float]]:
    out = []
    z = float(rng.uniform(18, 34)) if sure else float(rng.uniform(40, 120))
    while z < LENGTH:
        out.append((z, z + float(rng.uniform(8, 13))))
        z += float(rng.uniform(70, 120))
    return out


def _plan_lots(
    rng: np.random.Generator, street: Street, side: int, sure: frozenset[str], seed: tuple[int, ...]
) -> None:
    kinds = list(street.city.family.lots)
    weights = np.array([street.city.family.lots[kind] for kind in kinds])
    weights = weights / weights.sum()
    forced = {kind for kind in ("wall", "fence") if kind in sure}
    forced_side = 1 if rng.random() < 0.5 else -1
    z = -12.0
    while z < LENGTH:
        end = z + float(rng.uniform(9, 22))
        kind = kinds[int(rng.choice(len(kinds), p=weights))]
        if forced and side == forced_side and z > 2.0:
            kind = min(forced)
            forced.discard(kind)
        for start, stop in street.crossings:
            if start - 4 < end and z < stop:
                end = start if start - z > 4 else z
        if end > z:
            number = len(street.lots)
            street.lots.append(Lot(kind, side, z, end, (*seed, 1, number)))
            z = end
        for start, stop in street.crossings:
            if start - 4.01 <= z < stop:
                z = stop
