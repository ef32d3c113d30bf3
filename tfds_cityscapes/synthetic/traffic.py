"""Put things into a street: furniture, plants, vehicles, people and rare things."""

from __future__ import annotations

import numpy as np

from tfds_cityscapes.synthetic.street import LENGTH, Street, Thing


def populate(
    street: Street, seed: tuple[int, ...], sure: frozenset[str], camera_lane: float
) -> None:
    """Put things into the street.

    Args:
      street: planned, still empty.
      seed: of the sequence.
      sure: rare things that must be close to the camera's path.
      camera_lane: the lateral place (m) of the camera; the lane ahead of it stays clear.
    """
    rng = np.random.default_rng([*seed, 2])
    placer = _Placer(street, seed, rng)
    placer.furniture("crossing" in sure)
    placer.plants()
    placer.parked("bikes" in sure)
    placer.people()
    placer.traffic(camera_lane)
    placer.rare(sure, camera_lane)


class _Placer:
    def __init__(self, street: Street, seed: tuple[int, ...], rng: np.random.Generator):
        self.street, self.seed, self.rng = street, seed, rng
        self.family = street.city.family

    def put(self, kind: str, x: float, z: float, **motion: float) -> None:
        things = self.street.things
        things.append(Thing(kind, float(x), float(z), (*self.seed, 3, len(things)), **motion))

    def places(self, per_ten_metres: float, start: float = 3.0) -> list[float]:
        count = self.rng.poisson(per_ten_metres * (LENGTH - start) / 10)
        return sorted(float(z) for z in self.rng.uniform(start, LENGTH, count))

    def furniture(self, busy: bool) -> None:
        rng, street = self.rng, self.street
        gap = float(rng.uniform(16, 30))
        for side in (-1, 1):
            near = street.walkway(side, 0.12)
            z = float(rng.uniform(4, gap))
            while z < LENGTH:
                if not street.at_crossing(z):
                    self.put("lamp", near, z)
                z += gap
            for z in self.places(0.35):
                kind = ("sign", "sign", "sign", "board", "post", "bin", "box")[int(rng.integers(7))]
                if not street.at_crossing(z):
                    self.put(kind, street.walkway(side, 0.15), z)
        for k, (start, stop) in enumerate(street.crossings):
            if (busy and k == 0) or rng.random() < 0.6:
                self.put("signal", street.walkway(1, 0.1), start - 1.5)
                self.put("signal", street.walkway(-1, 0.1), start - 1.0)
                self.put("signal", street.walkway(-1, 0.2), stop + 1.5)
                self.put(
                    "gantry" if street.lanes > 1 else "signal", street.walkway(1, 0.2), stop + 2
                )
            self.put("sign", street.walkway(1, 0.2), start - 4.0)

    def plants(self) -> None:
        street, rng = self.street, self.rng
        for side in (-1, 1):
            k = 0 if side < 0 else 1
            planted = street.verge[k] > 0 or rng.random() < 0.5
            for z in self.places(street.city.trees if planted else street.city.trees * 0.3):
                x = side * (street.half_width + max(0.8, street.verge[k] / 2))
                if not street.at_crossing(z, 2.0):
                    self.put("tree", x + rng.normal(0, 0.2), z)
            for z in self.places(0.12):
                if street.verge[k] > 0 and not street.at_crossing(z):
                    self.put("bush", side * (street.half_width + street.verge[k] / 2), z)

    def parked(self, bikes: bool) -> None:
        rng, street = self.rng, self.street
        for side in (-1, 1):
            if street.half_width - street.lanes * street.lane < 1.5:
                continue
            share = self.family.parked * float(rng.uniform(0.2, 1.6))
            z = float(rng.uniform(-2, 8))
            while z < LENGTH:
                if rng.random() < share and not street.at_crossing(z, 5.0):
                    kind = "van" if rng.random() < 0.12 else "car"
                    heading = 0.0 if side > 0 else 180.0
                    self.put(kind, side * (street.half_width - 1.0), z, heading=heading)
                z += float(rng.uniform(5.3, 7.5))
        spots = self.places(0.06)
        if bikes:
            spots += [float(rng.uniform(10, 18)), float(rng.uniform(14, 30))]
        for z in spots:
            side = 1 if rng.random() < 0.5 else -1
            kind = "bikes" if rng.random() < 0.3 else "bicycle"
            heading = float(rng.uniform(30, 150))
            self.put(kind, street.walkway(side, 0.35), z, heading=heading)

    def people(self) -> None:
        rng, street = self.rng, self.street
        for side in (-1, 1):
            for z in self.places(self.family.people * float(rng.uniform(0.4, 1.6)), 6.0):
                x = street.walkway(side, float(rng.uniform(0.2, 0.9)))
                pace = float(rng.choice([-1.4, -1.0, 0.0, 1.0, 1.4]))
                self.put("person", x, z, speed=pace, heading=0.0 if pace >= 0 else 180.0)
                if rng.random() < 0.3:
                    x += float(rng.normal(0, 0.5)) + 0.3
                    self.put("person", x, z + 0.4, speed=pace, heading=0.0 if pace >= 0 else 180.0)
        for start, _ in street.crossings:
            for _ in range(int(rng.poisson(1.2))):
                x = float(rng.uniform(-street.half_width, street.half_width))
                pace = float(rng.choice([-1.2, 1.2]))
                z = start - float(rng.uniform(0.3, 2.0))
                self.put("person", x, z, drift=pace, heading=90.0 if pace > 0 else -90.0)

    def traffic(self, camera_lane: float) -> None:
        rng, street = self.rng, self.street
        for k in range(street.lanes):
            for direction in (1, -1):
                x = direction * (k + 0.5) * street.lane
                clear = 14.0 if abs(x - camera_lane) < 1.5 else 6.0
                last = -99.0
                for z in self.places(self.family.traffic, clear):
                    if z - last > 9 and not (abs(x) < 2.5 and street.rails and z < 40):
                        heading, speed = (0.0, 6.0) if direction > 0 else (180.0, -7.0)
                        kind = "van" if rng.random() < 0.1 else "car"
                        self.put(kind, x, z, heading=heading, speed=speed * rng.uniform(0.7, 1.1))
                        last = z
        for start, stop in street.crossings:
            if rng.random() < 0.45:
                right = rng.random() < 0.5
                pace = float(rng.uniform(2, 4)) * (1 if right else -1)
                z = start + (stop - start) * (0.7 if right else 0.3)
                heading = 90.0 if right else -90.0
                self.put("car", -pace * 1.5, z, heading=heading, drift=pace)

    def rare(self, sure: frozenset[str], camera_lane: float) -> None:
        rng, street = self.rng, self.street
        ahead = float(rng.uniform(9, 13))
        lane = street.lane
        if "train" in sure:
            self.put("train", -lane * 0.5, ahead + 5, heading=180.0, speed=4.0)
        for kind, room in (("bus", 14.0), ("truck", 13.0)):
            if kind in sure or rng.random() < 0.03:
                oncoming = rng.random() < 0.4 and "train" not in sure
                x = -lane * 0.5 if oncoming else camera_lane
                ahead += 1.0
                self.put(
                    kind, x, ahead + 3, heading=180.0 if oncoming else 0.0,
                    speed=4.5 if oncoming else 6.5,
                )  # fmt: skip
                ahead += room
        for kind in ("motorcycle", "cyclist"):
            count = int(kind in sure) + int(rng.random() < (0.12 if kind == "cyclist" else 0.02))
            for _ in range(count):
                side = 1 if rng.random() < 0.7 else -1
                x = side * (street.half_width - 2.6) if side > 0 else -lane * 0.45
                self.put(
                    kind, x, float(rng.uniform(7, 15)), heading=12.0 if side > 0 else 168.0,
                    speed=5.2 if side > 0 else 3.5,
                )  # fmt: skip
            if kind == "motorcycle" and (count or rng.random() < 0.05):
                z = float(rng.uniform(9, 20))
                heading = float(rng.uniform(20, 70))
                self.put("parked motorcycle", street.walkway(1, 0.1), z, heading=heading)
        if rng.random() < 0.3:
            self.put("stroller", street.walkway(1, 0.6), float(rng.uniform(8, 20)), speed=1.0)
