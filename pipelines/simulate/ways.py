"""The ways to choose that a simulation compares: strategies, for whole images or for regions."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated, Literal, NamedTuple, cast, get_args

from pydantic import AfterValidator

from components.contracts.recipe.query import OF_WHOLE_IMAGES, StrategyName

_REGION = "@region"
_OF_IMAGES: tuple[str, ...] = ("auto", *get_args(StrategyName))
_OF_REGIONS = tuple(name + _REGION for name in _OF_IMAGES if name not in OF_WHOLE_IMAGES)
NAMES: tuple[str, ...] = (*_OF_IMAGES, *_OF_REGIONS)
# Heads are trained without a discriminator.
IMPOSSIBLE: frozenset[str] = frozenset({"discriminator", "discriminator" + _REGION})
ALL: tuple[str, ...] = tuple(name for name in _OF_IMAGES if name not in IMPOSSIBLE)


class Way(NamedTuple):
    """A strategy, as `query.strategy` names it, and whether it asks for regions in place of images."""

    strategy: Literal["auto"] | StrategyName
    regions: bool


def way_of(name: str) -> Way:
    """Return the way of this name: `entropy`, or `entropy@region`.

    Raises:
      ValueError: no way has this name.
    """
    if name not in NAMES:
        raise ValueError(f"unknown strategy {name!r}; expected one of {', '.join(NAMES)}")
    strategy = name.removesuffix(_REGION)
    return Way(cast(Literal["auto"] | StrategyName, strategy), strategy != name)


def any_regions(names: Iterable[str]) -> bool:
    """Return whether one of the ways of these names asks for regions."""
    return any(way_of(name).regions for name in names)


def _known(name: str) -> str:
    way_of(name)
    return name


Name = Annotated[str, AfterValidator(_known)]
