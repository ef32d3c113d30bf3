"""Light and air: sun, shadows, sky colours, haze and exposure of one sequence."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from tfds_cityscapes.synthetic.cities import City, Color


@dataclass(frozen=True)
class Light:
    """The light of one sequence. Gains are factors on a surface's own colour."""

    sun_side: int  # -1: the sun is on the left, 1: on the right
    left: float  # gain of what faces right, standing on the left side
    right: float
    front: float  # gain of what faces the camera
    top: float
    tint: Color  # factors
    shadow: float  # gain of the ground in the shade; 1 = no shadows
    shadow_length: float  # metres of shadow per metre of height
    sky_top: Color
    sky_low: Color
    clouds: float  # 0 to 1
    haze: Color
    haze_density: float  # 1/m
    exposure: float
    noise: float  # standard deviation, in 8-bit steps
    wet: float  # 0 to 1

    def tone(self, color: Color, z: float = 0.0, gain: float = 1.0) -> Color:
        """Return the colour of a lit surface, seen through z metres of air."""
        keep = math.exp(-z * self.haze_density)
        lost = 1.0 - keep
        lit = gain * keep
        (r, g, b), (tr, tg, tb), (hr, hg, hb) = color, self.tint, self.haze
        return (
            min(255.0, r * tr * lit + hr * lost),
            min(255.0, g * tg * lit + hg * lost),
            min(255.0, b * tb * lit + hb * lost),
        )

    def side(self, x: float) -> float:
        """Return the gain of a wall at the lateral place x that faces the road."""
        return self.left if x < 0 else self.right


_SKIES: dict[str, tuple[Color, Color, Color, float, float, float]] = {
    # top, low, tint, sun strength, haze density, clouds
    "clear": ((88, 136, 200), (186, 210, 232), (1.04, 1.0, 0.95), 1.0, 0.0035, 0.45),
    "overcast": ((176, 182, 190), (216, 220, 224), (0.98, 1.0, 1.02), 0.1, 0.005, 0.8),
    "hazy": ((190, 198, 206), (226, 228, 226), (1.0, 1.0, 0.99), 0.35, 0.012, 0.2),
    "evening": ((112, 128, 168), (246, 206, 160), (1.12, 0.97, 0.82), 0.85, 0.006, 0.6),
    "rain": ((138, 144, 152), (184, 190, 196), (0.94, 0.98, 1.04), 0.0, 0.008, 0.9),
}


def make_light(rng: np.random.Generator, city: City) -> Light:
    """Draw the weather of one sequence from the city's climate."""
    names = list(city.family.weather)
    weights = np.array([city.family.weather[name] for name in names])
    name = names[int(rng.choice(len(names), p=weights / weights.sum()))]
    top, low, tint, sun, density, clouds = _SKIES[name]
    sun_side = 1 if rng.random() < 0.5 else -1
    bright, dark = 0.90 + 0.24 * sun, 0.90 - 0.30 * sun
    shift = rng.normal(1.0, 0.04)
    return Light(
        sun_side=sun_side,
        left=bright if sun_side > 0 else dark,
        right=dark if sun_side > 0 else bright,
        front=float(rng.uniform(0.72, 1.0)) if sun > 0.5 else 0.86,
        top=1.0 + 0.2 * sun,
        tint=tint,
        shadow=1.0 - 0.5 * sun,
        shadow_length=float(rng.uniform(0.3, 1.1)),
        sky_top=(top[0] * shift, top[1] * shift, top[2] * shift),
        sky_low=low,
        clouds=float(np.clip(clouds * rng.uniform(0.4, 1.5), 0, 1)),
        haze=low,
        haze_density=density * float(rng.uniform(0.7, 1.3)),
        exposure=float(np.clip(rng.normal(1.05, 0.1), 0.8, 1.3)),
        noise=float(rng.uniform(2.0, 5.0)) * (1.4 if name in ("evening", "rain") else 1.0),
        wet=float(rng.uniform(0.5, 1.0)) if name == "rain" else 0.0,
    )
