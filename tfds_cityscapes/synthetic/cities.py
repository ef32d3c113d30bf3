"""The looks of a city: architecture, colours, plants, traffic, weather.

Every split has cities of its own names, as Cityscapes has. All of them belong to the same four
families, so that what is learned in one split holds in another.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

Color = tuple[float, float, float]  # RGB, 0..255

CITIES: dict[str, tuple[str, ...]] = {
    "train": (
        "ahrenfels", "birkstadt", "calmund", "dornheim",
        "eschbruck", "falkenau", "grimmtal", "hollerbach",
    ),
    "val": ("isenburg", "jarlhaven", "kestrow", "lindquell"),
    "test": ("marwitz", "nordhagen", "ostermoor", "pfalzau"),
}  # fmt: skip


@dataclass(frozen=True)
class Family:
    """What the cities of one kind share. Weights need not sum to one."""

    facades: tuple[Color, ...]
    roofs: tuple[Color, ...]
    floors: tuple[int, int]  # fewest and most storeys
    gables: float  # share of houses with a pitched roof
    glass: float  # share of glazed facades
    lots: dict[str, float]  # weights of what is beside the street
    lanes: tuple[int, int]  # fewest and most lanes per direction
    verge: float  # chance of a strip of grass along the road
    trees: float  # street trees per 10 m and side
    people: float  # persons per 10 m and side
    parked: float  # share of the kerb with parked cars
    traffic: float  # moving cars per 10 m and lane
    weather: dict[str, float]


OLD_TOWN = Family(
    facades=((222, 200, 160), (206, 160, 120), (196, 178, 168), (232, 220, 196), (170, 120, 96)),
    roofs=((150, 78, 58), (120, 66, 54), (92, 84, 84)),
    floors=(3, 4), gables=0.8, glass=0.0,
    lots={"building": 12, "park": 1.0, "wall": 0.35, "fence": 0.3},
    lanes=(1, 1), verge=0.1, trees=0.35, people=0.50, parked=0.65, traffic=0.18,
    weather={"clear": 4, "overcast": 3, "evening": 2, "hazy": 1},
)  # fmt: skip
CENTRE = Family(
    facades=((150, 152, 156), (188, 186, 180), (112, 116, 124), (204, 196, 182), (96, 84, 78)),
    roofs=((88, 88, 92), (70, 72, 78)),
    floors=(4, 8), gables=0.1, glass=0.35,
    lots={"building": 12, "park": 1.8, "wall": 0.2, "fence": 0.4},
    lanes=(1, 2), verge=0.3, trees=0.42, people=0.42, parked=0.4, traffic=0.28,
    weather={"clear": 3, "overcast": 4, "hazy": 2, "rain": 1},
)  # fmt: skip
SUBURB = Family(
    facades=((236, 230, 216), (212, 204, 190), (186, 140, 112), (204, 212, 214), (160, 104, 84)),
    roofs=((132, 74, 58), (80, 70, 68), (108, 92, 84)),
    floors=(2, 2), gables=0.9, glass=0.0,
    lots={"building": 6, "park": 4, "wall": 0.5, "fence": 1.3},
    lanes=(1, 1), verge=0.75, trees=0.75, people=0.14, parked=0.45, traffic=0.14,
    weather={"clear": 5, "overcast": 2, "evening": 2, "hazy": 1},
)  # fmt: skip
WORKS = Family(
    facades=((142, 92, 76), (120, 84, 74), (164, 156, 146), (128, 132, 136), (178, 150, 124)),
    roofs=((76, 72, 72), (96, 84, 78)),
    floors=(2, 4), gables=0.25, glass=0.1,
    lots={"building": 7, "park": 3, "wall": 0.9, "fence": 1.0},
    lanes=(1, 2), verge=0.35, trees=0.42, people=0.20, parked=0.5, traffic=0.2,
    weather={"clear": 2, "overcast": 4, "hazy": 2, "rain": 2},
)  # fmt: skip
FAMILIES = (OLD_TOWN, CENTRE, SUBURB, WORKS)


@dataclass(frozen=True)
class City:
    """One city: a family with its own shades."""

    name: str
    family: Family
    facades: tuple[Color, ...]
    leaves: Color
    grass: Color
    asphalt: Color
    paving: Color
    marking: Color
    metal: Color  # poles and fences
    bonnet: Color
    sign_hue: Color  # the background of direction signs
    white_balance: Color  # factors
    trees: float
    camera_height: float  # metres


def make_city(seed: int, split: str, name: str) -> City:
    """Draw the city `name` of `split`; the same seed and name give the same city."""
    index = CITIES[split].index(name)
    rng = np.random.default_rng([seed, 7, list(CITIES).index(split), index])
    family = FAMILIES[index % len(FAMILIES)]
    cast = rng.normal(1.0, 0.05, 3)
    autumn = rng.random() < 0.25
    leaves = pick(rng, ((132, 112, 52), (150, 104, 50))) if autumn else pick(
        rng, ((78, 104, 54), (62, 92, 52), (92, 112, 60), (70, 88, 62))
    )  # fmt: skip
    gray = float(rng.uniform(84, 122))
    stone = float(rng.uniform(112, 168))
    return City(
        name=name,
        family=family,
        facades=tuple(_scaled(color, cast) for color in family.facades),
        leaves=vary(rng, leaves, 0.06),
        grass=vary(rng, (104, 118, 66) if rng.random() < 0.7 else (140, 130, 84), 0.08),
        asphalt=vary(rng, (gray, gray, gray + 4), 0.03),
        paving=vary(
            rng, pick(rng, ((stone, stone, stone), (stone, stone * 0.9, stone * 0.8))), 0.04
        ),
        marking=pick(rng, ((226, 226, 220), (210, 208, 200))),
        metal=pick(rng, ((104, 108, 110), (68, 74, 72), (142, 144, 144), (84, 90, 78))),
        bonnet=pick(rng, ((30, 32, 36), (92, 96, 102), (52, 30, 30))),
        sign_hue=pick(rng, ((24, 78, 160), (226, 190, 40), (30, 110, 80))),
        white_balance=_scaled((1.0, 1.0, 1.0), rng.normal(1.0, 0.025, 3)),
        trees=family.trees * float(rng.uniform(0.7, 1.4)),
        camera_height=float(rng.uniform(1.25, 1.6)),
    )


def pick(rng: np.random.Generator, options: tuple[Color, ...]) -> Color:
    """Return one of the colours."""
    return options[int(rng.integers(len(options)))]


def vary(rng: np.random.Generator, color: Color, amount: float) -> Color:
    """Return the colour with its brightness and, half as much, its hue changed."""
    shade, *hues = rng.standard_normal(4).tolist()
    r, g, b = (
        min(255.0, max(0.0, c * (1.0 + amount * shade) * (1.0 + 0.5 * amount * hue)))
        for c, hue in zip(color, hues, strict=True)
    )
    return r, g, b


def _scaled(color: Color, factors: np.ndarray) -> Color:
    r, g, b = (float(min(255.0, max(0.0, c * f))) for c, f in zip(color, factors, strict=True))
    return r, g, b
