"""List the ways in which the pixels of a PNG can be read as ids or as colours.

Programs that make PNGs smaller keep what a viewer shows, not what is stored: gray values become
places in a palette, or samples of 1 to 4 bits. Programs that write label maps often mean what is
stored. So both readings are kept here, and `decide` chooses between them or rejects the mask.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tfds_cityscapes.labels import IGNORE_LABEL
from tfds_cityscapes.masks.png import (
    GRAY,
    GRAY_ALPHA,
    PALETTE,
    RGB,
    RGB_ALPHA,
    MaskError,
    Png,
    gray_step,
)

Color = tuple[int, int, int]
# Readings of a palette.
PLACES, GRAYS = "the places in its palette", "the gray values of its palette"
_BLACK = (0, 0, 0)
_MOST_COLORS = 4096  # a mask has a few dozen; smoothed edges add hundreds, a photo ten thousands
_BYTE_STEP = 257  # between neighbouring values that were stretched from 8 to 16 bits


@dataclass(frozen=True)
class Pixels:
    """The pixels of a mask.

    Attributes:
      stored: unsigned integers [H, W]: samples, places in a palette, or numbers of colours.
      used: the values in `stored` that occur, without erased pixels; never empty.
      erased: bool [H, W], the pixels that are fully transparent; None if no pixel is.
      ids: each reading of the stored values as ids, by its name in messages. The first is the one
        that `stored` holds.
      colors: stored value -> RGB, if the file has colours.
      palette: whether the colours are a palette's.
      compact: whether each entry of the palette is used, as in the palette of an optimizer.
    """

    stored: np.ndarray
    used: tuple[int, ...]
    erased: np.ndarray | None
    ids: dict[str, dict[int, int]]
    colors: dict[int, Color] | None = None
    palette: bool = False
    compact: bool = False


def pixels_of(png: Png) -> Pixels:
    """List the readings of a PNG's pixels; MaskError if it has none, such as a photo."""
    kind = png.header.color_type
    samples = png.samples()
    erased = _erased(png, samples)
    if kind in (RGB, RGB_ALPHA):
        return _of_colors(samples[..., :3], erased)
    stored = samples[..., 0] if kind == GRAY_ALPHA else samples
    used = _used(stored, erased)
    if kind == PALETTE:
        return _of_palette(png, stored, used, erased)
    ids = {"its values": {value: value for value in used}}
    if png.header.depth < 8:
        step = gray_step(png.header.depth)
        ids = {
            f"its {png.header.depth}-bit samples as stored": {value: value for value in used},
            "the gray values that are shown, of 8 bits": {value: value * step for value in used},
        }
    else:
        ids = _stretched(used) or ids
    return Pixels(stored, used, erased, ids)


def _of_palette(
    png: Png, stored: np.ndarray, used: tuple[int, ...], erased: np.ndarray | None
) -> Pixels:
    # Writers give the classes a palette and let the ignore label be outside, which viewers show black.
    outside = [place for place in used if place >= len(png.palette)]
    if outside not in ([], [IGNORE_LABEL]):
        raise MaskError(
            f"The PNG holds place {used[-1]} of its palette, which has {len(png.palette)} colours. "
            "Save it again without a palette."
        )
    colors = {place: _BLACK if place in outside else png.palette[place] for place in used}
    ids = {PLACES: {place: place for place in used}}
    # Colours that two places share say nothing about the ids: one would be lost.
    if not outside and len(set(colors.values())) == len(colors):
        if all(_is_gray(color) for color in colors.values()):
            ids[GRAYS] = {p: color[0] for p, color in colors.items()}
        elif all(color in _VOC_PLACES for color in colors.values()):
            ids["the places of its colours in Pascal VOC's palette"] = {
                place: _VOC_PLACES[color] for place, color in colors.items()
            }
    entries = len(png.palette) - sum(alpha == 0 for alpha in png.transparency[: len(png.palette)])
    compact = not outside and len(used) == entries
    return Pixels(stored, used, erased, ids, colors, True, compact)


def _of_colors(samples: np.ndarray, erased: np.ndarray | None) -> Pixels:
    """Number the colours of an image with red, green and blue."""
    deep = samples.dtype == np.uint16
    if deep and (samples % _BYTE_STEP == 0).all():  # 8 bits stretched to 16
        samples, deep = (samples // _BYTE_STEP).astype(np.uint8), False
    red = samples[..., 0]
    if (np.ptp(samples, axis=-1) == 0)[... if erased is None else ~erased].all():
        used = _used(red, erased)
        ids = _stretched(used) or {"its values": {value: value for value in used}}
        grays = {value: (value, value, value) for value in used}
        return Pixels(red, used, erased, ids, grays)
    if deep:
        raise MaskError(
            "The image has colours of 16 bits, which a mask never has: a photo, or a coding of depth "
            "or motion. Save the mask as PNG, one channel of 8 bits."
        )
    packed = samples.astype(np.uint32) @ np.array([65536, 256, 1], np.uint32)
    distinct, inverse = np.unique(packed, return_inverse=True)
    if len(distinct) > _MOST_COLORS:
        raise MaskError(
            f"The image has {len(distinct):,} colours: a photo, an overlay or a blurred mask, and not "
            "a mask of one colour per class. Export the mask as PNG without smoothed edges."
        )
    stored = inverse.reshape(packed.shape).astype(np.uint16)
    used = _used(stored, erased)
    values = [int(color) for color in distinct]
    colors = {i: (values[i] >> 16, values[i] >> 8 & 255, values[i] & 255) for i in used}
    return Pixels(stored, used, erased, {}, colors)


def _stretched(used: tuple[int, ...]) -> dict[str, dict[int, int]]:
    """Return the reading of values that a program stretched from 8 to 16 bits, if they can be."""
    if used[-1] <= 255 or any(value % _BYTE_STEP for value in used):
        return {}
    return {"its values divided by 257": {value: value // _BYTE_STEP for value in used}}


def _erased(png: Png, samples: np.ndarray) -> np.ndarray | None:
    """Return the pixels that are fully transparent, by an alpha channel or a tRNS chunk."""
    kind, depth, clear = png.header.color_type, png.header.depth, png.transparency
    if kind in (GRAY_ALPHA, RGB_ALPHA):
        erased = samples[..., -1] == 0
    elif not clear:
        return None
    elif kind == PALETTE:
        erased = np.isin(samples, [i for i, alpha in enumerate(clear) if alpha == 0])
    else:
        color = np.frombuffer(clear[: len(clear) // 2 * 2], ">u2") & (2**depth - 1)
        if len(color) != (1 if kind == GRAY else 3):
            raise MaskError("The PNG's chunk tRNS is damaged. Save it again without transparency.")
        erased = samples == color[0] if kind == GRAY else (samples == color).all(axis=-1)
    if erased.all():
        raise MaskError(
            "Every pixel of the mask is transparent. Save it without transparency, with one opaque id "
            "or colour per class."
        )
    return erased if erased.any() else None


def _used(stored: np.ndarray, erased: np.ndarray | None) -> tuple[int, ...]:
    values = stored.ravel() if erased is None else stored[~erased]
    return tuple(int(value) for value in np.flatnonzero(np.bincount(values)))


def _is_gray(color: Color) -> bool:
    return color[0] == color[1] == color[2]


def _voc_color(place: int) -> Color:
    """Return a colour of Pascal VOC's palette: the bits of the place, dealt to red, green and blue."""
    red = green = blue = 0
    for bit in range(8):
        red |= (place >> 3 * bit & 1) << 7 - bit
        green |= (place >> 3 * bit + 1 & 1) << 7 - bit
        blue |= (place >> 3 * bit + 2 & 1) << 7 - bit
    return red, green, blue


_VOC_PLACES = {_voc_color(place): place for place in range(256)}
