"""Colour changes by torchvision's formulas, computed by hand and with the standard library."""

from __future__ import annotations

import colorsys
import itertools

import numpy as np
import pytest

from components.contracts.recipe.train import AugmentSettings
from components.train.input import augment, colour

PIXELS = np.array(
    [[[200, 100, 50], [10, 20, 30], [255, 255, 255]], [[0, 0, 0], [90, 210, 150], [60, 60, 250]]],
    np.uint8,
)
LUMA = np.array([0.299, 0.587, 0.114])
ROUNDED = 0.51  # half a grey level: the result is a byte
# A byte of hue is 1.4 degrees, and 60 degrees are the whole range of a channel: a byte moves it by
# 6 levels. Half a byte is lost when hue is read, half when it is turned, and a little in OpenCV's tables.
TURNED = 7
NEUTRAL = (1.0, 1.0, 1.0, 0.0)


def by_formula(change: str, image: np.ndarray, amount: float) -> np.ndarray:
    """torchvision.transforms.functional.adjust_<change>, in float64."""
    image = image.astype(np.float64)
    grey = image @ LUMA
    if change == "brightness":
        out = image * amount
    elif change == "contrast":
        out = amount * image + (1 - amount) * grey.mean()
    elif change == "saturation":
        out = amount * image + (1 - amount) * grey[..., None]
    else:
        rows = []
        for red, green, blue in image.reshape(-1, 3) / 255:
            h, s, v = colorsys.rgb_to_hsv(red, green, blue)
            rows.append(colorsys.hsv_to_rgb((h + amount) % 1.0, s, v))
        out = 255 * np.array(rows).reshape(image.shape)
    return np.clip(out, 0, 255)


@pytest.mark.parametrize("amount", [0.5, 0.8, 1.0, 1.5])
@pytest.mark.parametrize("change", ["brightness", "contrast", "saturation"])
def test_brightness_contrast_and_saturation_follow_the_formulas(change: str, amount: float) -> None:
    changed = getattr(colour, change)(PIXELS, amount)
    np.testing.assert_allclose(changed, by_formula(change, PIXELS, amount), atol=ROUNDED)


@pytest.mark.parametrize("turn", [-0.25, -0.1, 0.0, 0.17, 0.25, 0.5])
def test_hue_turns_by_a_share_of_the_full_circle(turn: float) -> None:
    expected = by_formula("hue", PIXELS, turn)
    np.testing.assert_allclose(colour.hue(PIXELS, turn), expected, atol=TURNED)


@pytest.mark.parametrize("turn", [-0.25, -0.1, 0.0, 0.1, 0.25, 0.5])
def test_hue_of_any_colour_is_as_near_as_bytes_allow(turn: float) -> None:
    image = np.random.default_rng(0).integers(0, 256, (40, 50, 3), np.uint8)
    circle = [[colorsys.hsv_to_rgb(k / 250, 1, 1) for k in range(250)]]
    for pixels in (image, np.rint(255 * np.array(circle)).astype(np.uint8)):
        expected = by_formula("hue", pixels, turn)
        np.testing.assert_allclose(colour.hue(pixels, turn), expected, atol=TURNED)


def test_reference_pixels_computed_by_hand() -> None:
    pixel = PIXELS[:1, :1]  # 200, 100, 50: luma 124.2, hue 20 degrees
    np.testing.assert_allclose(colour.brightness(pixel, 1.5), [[[255, 150, 75]]], atol=ROUNDED)
    np.testing.assert_allclose(colour.contrast(pixel, 0.5), [[[162.1, 112.1, 87.1]]], atol=ROUNDED)
    np.testing.assert_allclose(colour.saturation(pixel, 0.0), [[[124.2] * 3]], atol=ROUNDED)
    np.testing.assert_allclose(colour.grey(pixel), [[[124.2] * 3]], atol=ROUNDED)
    # 20 + 90 = 110 degrees lies between yellow (60) and green (120): red is 50 + 150 / 6.
    np.testing.assert_allclose(colour.hue(pixel, 0.25), [[[75, 200, 50]]], atol=TURNED)
    # 20 - 90 = 290 degrees lies between blue (240) and magenta (300): red is 50 + 150 * 5 / 6.
    np.testing.assert_allclose(colour.hue(pixel, -0.25), [[[175, 50, 200]]], atol=TURNED)
    red = np.array([[[255, 0, 0]]], np.uint8)
    np.testing.assert_allclose(colour.hue(red, 1 / 3), [[[0, 255, 0]]], atol=TURNED)


@pytest.mark.parametrize("order", [(0, 1, 2, 3), (3, 2, 1, 0), (2, 0, 3, 1)])
def test_jitter_applies_the_changes_in_order(order: tuple[int, ...]) -> None:
    names = ("brightness", "contrast", "saturation", "hue")
    amounts = (1.4, 0.6, 1.3, -0.2)
    expected = PIXELS
    for number in order:
        expected = by_formula(names[number], expected, amounts[number])
    np.testing.assert_allclose(colour.jitter(PIXELS, amounts, order), expected, atol=TURNED)


def test_strong_draws_torchvisions_ranges_and_every_order(monkeypatch: pytest.MonkeyPatch) -> None:
    drawn = []
    monkeypatch.setattr(colour, "jitter", lambda image, *about: drawn.append(about) or image)
    settings = AugmentSettings(jitter=(0.5, 0.4, 0.3, 0.25), jitter_share=1.0)
    for seed in range(400):
        augment.strong(PIXELS, settings, np.random.default_rng(seed))
    amounts = np.array([amounts for amounts, _ in drawn])
    np.testing.assert_allclose(amounts.min(0), [0.5, 0.6, 0.7, -0.25], atol=0.02)
    np.testing.assert_allclose(amounts.max(0), [1.5, 1.4, 1.3, 0.25], atol=0.02)
    np.testing.assert_allclose(amounts.mean(0), NEUTRAL, atol=0.05)
    assert {tuple(order) for _, order in drawn} == set(itertools.permutations(range(4)))
