"""Render one frame: the street from the position of the camera, as image and labels."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np

from tfds_cityscapes.synthetic import people, vehicles
from tfds_cityscapes.synthetic.camera import FAR, Camera
from tfds_cityscapes.synthetic.canvas import Canvas
from tfds_cityscapes.synthetic.cities import City
from tfds_cityscapes.synthetic.furniture import paint_furniture
from tfds_cityscapes.synthetic.ground import blot, paint_ground, shadow
from tfds_cityscapes.synthetic.lots import paint_lot
from tfds_cityscapes.synthetic.plants import paint_bush, paint_tree
from tfds_cityscapes.synthetic.sky import paint_backdrop, paint_sky
from tfds_cityscapes.synthetic.street import Thing, make_street
from tfds_cityscapes.synthetic.texture import sensor_noise, texture_factor
from tfds_cityscapes.synthetic.traffic import populate

_ADVANCE = 5.0  # metres the camera drives from frame to frame
_TALL = {"tree": (7.0, 2.5), "lamp": (6.0, 0.2), "signal": (3.2, 0.2), "person": (1.7, 0.5)}
_HORIZON_OF_THINGS = 60.0  # metres: things farther away are specks
_REACH = {"gantry": 6.0, "truck": 6.0, "bus": 8.0, "train": 16.0}  # metres to either side
_FOOTPRINTS = {"car": (1.9, 4.4), "van": (2.0, 4.8), "truck": (2.4, 7.5), "bus": (2.5, 11.0)}


@dataclass(frozen=True)
class Frame:
    """The image and the labels of one frame."""

    image: np.ndarray  # uint8 [H, W, 3], RGB
    label_ids: np.ndarray  # uint8 [H, W], Cityscapes label ids
    instance_ids: np.ndarray  # uint16 [H, W]: label id * 1000 + number, or the label id
    objects: list[dict[str, Any]]  # [{"label", "polygon"}], in the order of painting


class Sequence:
    """A drive down one street; frame t is `t` steps farther on."""

    def __init__(self, seed: tuple[int, ...], city: City, sure: frozenset[str]):
        self.seed, self.city = seed, city
        self.street = make_street(seed, city, sure)
        self.lane = (self.street.lanes - 0.5) * self.street.lane
        populate(self.street, seed, sure, self.lane)

    def frame(self, t: int, size: tuple[int, int]) -> Frame:
        """Render frame t, size (height, width) in pixels."""
        height, width = size
        rng = np.random.default_rng([*self.seed, 4, t])
        looks = np.random.default_rng([*self.seed, 5])
        street = self.street
        camera = self._camera(rng, t, height, width)
        canvas = Canvas(height, width, street.light)
        paint_sky(canvas, camera, street, looks)
        paint_backdrop(canvas, camera, street, looks)
        things = self._visible(camera, t)
        paint_ground(canvas, camera, street, self._shadows(camera, things))
        for lot in sorted(street.lots, key=lambda lot: -lot.start):
            if lot.start - camera.z < FAR:
                paint_lot(canvas, camera, street, lot)
        for thing, x, z in things:
            self._paint(canvas, camera, thing, x, z, t)
        _bonnet(canvas, self.city)
        factor = texture_factor(canvas.material, camera, canvas.scale, rng)
        image = _expose(canvas, factor, self.city, rng)
        return Frame(image, canvas.label_ids(), canvas.instance_ids, canvas.objects)

    def _camera(self, rng: np.random.Generator, t: int, height: int, width: int) -> Camera:
        return Camera(
            height=height,
            width=width,
            focal=1.05 * float(np.sqrt(height * width)),
            center=width / 2 + float(rng.normal(0, 0.01)) * width,
            horizon=(0.44 + float(rng.normal(0, 0.008))) * height,
            x=self.lane + float(rng.normal(0, 0.12)),
            y=self.city.camera_height,
            z=_ADVANCE * t,
            curve=self.street.curve,
        )

    def _visible(self, camera: Camera, t: int) -> list[tuple[Thing, float, float]]:
        """Return the things ahead as (thing, x, distance), the farthest first."""
        out = []
        for thing in self.street.things:
            x = thing.x + thing.drift * t
            z = thing.z + thing.speed * t - camera.z
            if not 1.8 < z < _HORIZON_OF_THINGS:
                continue
            column, _ = camera.foot(x, z)
            reach = _REACH.get(thing.kind, 3.0) * camera.scale(z)
            if -reach < column < camera.width + reach:
                out.append((thing, x, z))
        return sorted(out, key=lambda item: -item[2])

    def _shadows(
        self, camera: Camera, things: list[tuple[Thing, float, float]]
    ) -> list[np.ndarray]:
        street, out = self.street, []
        for thing, x, z in things:
            if thing.kind in _FOOTPRINTS:
                wide, long = _FOOTPRINTS[thing.kind]
                if abs(thing.heading) == 90.0:
                    wide, long = long, wide
                out.append(blot(camera, x, z, wide, long))
            elif thing.kind == "person":
                out.append(blot(camera, x, z, 0.7, 0.5))
            if street.light.shadow < 0.9 and thing.kind in _TALL:
                out.append(shadow(camera, street, x, z, *_TALL[thing.kind]))
        if street.light.shadow < 0.9:
            sunny = street.light.sun_side
            for lot in street.lots:
                if lot.side == sunny and lot.kind == "building":
                    z = (lot.start + lot.end) / 2 - camera.z
                    deep = lot.end - lot.start - 1.0
                    if z - deep / 2 < FAR and z + deep / 2 > 1.5:
                        x = street.edge(lot.side)
                        tall = 2.6 * street.city.family.floors[0]
                        near = max(z - deep / 2, 1.0)
                        middle, deep = (near + z + deep / 2) / 2, z + deep / 2 - near
                        out.append(shadow(camera, street, x, middle, tall, deep))
        return out

    def _paint(
        self, canvas: Canvas, camera: Camera, thing: Thing, x: float, z: float, t: int
    ) -> None:
        rng, kind = thing.rng(), thing.kind
        if kind in vehicles.KINDS:
            vehicles.paint_vehicle(canvas, camera, rng, kind, x, z, thing.heading)
        elif kind in people.KINDS:
            stride = float(np.sin(2.1 * t + thing.seed[-1])) if thing.speed or thing.drift else 0.15
            people.paint_figure(canvas, camera, rng, kind, x, z, thing.heading, stride)
        elif kind == "tree":
            paint_tree(canvas, camera, self.city, rng, x, z)
        elif kind == "bush":
            paint_bush(canvas, camera, self.city, rng, x, z)
        else:
            paint_furniture(canvas, camera, self.city, rng, kind, x, z)


def _bonnet(canvas: Canvas, city: City) -> None:
    w, h = canvas.width, canvas.height
    across = np.linspace(0.0, 1.0, 13)
    rise = 0.965 - 0.035 * np.sin(across * np.pi) ** 0.5
    outline = np.stack([across * (w - 1), rise * h], axis=1)
    outline = np.concatenate([outline, [[w - 1, h - 1], [0, h - 1]]])
    canvas.paint("ego vehicle", outline, city.bonnet)
    shine = np.stack([across * (w - 1), rise * h], axis=1)
    edge = np.concatenate([shine, shine[::-1] + np.array([0, 0.012 * h])])
    canvas.blend(edge, canvas.light.sky_low, 0.35)


def _expose(canvas: Canvas, factor: np.ndarray, city: City, rng: np.random.Generator) -> np.ndarray:
    """Return the painted scene as the sensor records it: uint8 [H, W, 3]."""
    height, width = canvas.height, canvas.width
    image = canvas.image * factor[..., None]
    if canvas.scale > 1:
        image = cv2.resize(image, (width, height), interpolation=cv2.INTER_AREA)
    row = np.linspace(-1, 1, height, dtype=np.float32)[:, None]
    column = np.linspace(-1, 1, width, dtype=np.float32)[None, :]
    vignette = 1.0 - 0.12 * (row * row + column * column)
    exposure = canvas.light.exposure * float(np.clip(rng.normal(1.0, 0.03), 0.9, 1.1))
    gain = np.array(city.white_balance, np.float32) * exposure
    image = image * (vignette[..., None] * gain)
    image += sensor_noise(rng, (height, width)) * np.float32(canvas.light.noise)
    return cv2.convertScaleAbs(np.maximum(image, 0, out=image))
