"""Texture of surfaces: noise fields that do not depend on the seed, mixed by material."""

from __future__ import annotations

import functools

import cv2
import numpy as np

from tfds_cityscapes.synthetic.camera import Camera

PLAIN, ASPHALT, PAVING, GRASS, LEAVES, PLASTER, BRICK, STONE, CLOTH, METAL = range(10)

_TILE = 512  # pixels of a noise tile, which wraps around
_LOOK_HEIGHT = 256  # textures are as fine as in a picture of this height
_GROUND_PIXELS = 20.0  # of the ground tile, per metre

# How strongly each field shows on each material: grain, patches, clumps, courses, ground fields.
_AMOUNTS = np.zeros((10, 7), np.float32)
_AMOUNTS[PLAIN] = (0.02, 0.02, 0, 0, 0, 0, 0)
_AMOUNTS[ASPHALT] = (0.035, 0.03, 0, 0, 0.10, 0, 0)
_AMOUNTS[PAVING] = (0.03, 0.03, 0, 0, 0.04, 0.14, 0)
_AMOUNTS[GRASS] = (0.07, 0.04, 0, 0, 0.02, 0, 0.22)
_AMOUNTS[LEAVES] = (0.10, 0.10, 0.26, 0, 0, 0, 0)
_AMOUNTS[PLASTER] = (0.02, 0.06, 0, 0, 0, 0, 0)
_AMOUNTS[BRICK] = (0.04, 0.05, 0, 0.12, 0, 0, 0)
_AMOUNTS[STONE] = (0.06, 0.08, 0.07, 0.05, 0, 0, 0)
_AMOUNTS[CLOTH] = (0.05, 0.06, 0.05, 0, 0, 0, 0)
_AMOUNTS[METAL] = (0.01, 0.04, 0, 0, 0, 0, 0)


def _blurred(rng: np.random.Generator, sigma_x: float, sigma_y: float) -> np.ndarray:
    noise = rng.standard_normal((_TILE, _TILE)).astype(np.float32)
    pad = int(4 * max(sigma_x, sigma_y)) + 1
    wide = cv2.copyMakeBorder(noise, pad, pad, pad, pad, cv2.BORDER_WRAP)
    wide = cv2.GaussianBlur(wide, (0, 0), sigmaX=sigma_x, sigmaY=sigma_y)
    out = wide[pad:-pad, pad:-pad]
    return np.asarray(np.clip((out - out.mean()) / out.std(), -2.5, 2.5), np.float32)


@functools.cache
def _screen_fields() -> np.ndarray:
    """Return [tile, tile, 4] float32 of about unit variance: grain, patches, clumps, courses."""
    rng = np.random.default_rng(20160406)
    grain = _blurred(rng, 0.7, 0.7)
    patches = _blurred(rng, 9.0, 9.0)
    clumps = np.tanh(2 * _blurred(rng, 2.2, 1.8)).astype(np.float32)
    courses = _blurred(rng, 3.0, 0.6)
    return np.ascontiguousarray(np.stack([grain, patches, clumps, courses], axis=-1))


@functools.cache
def _ground_fields() -> np.ndarray:
    """Return [tile, tile, 3] float32: asphalt, paving and grass, seen from above."""
    rng = np.random.default_rng(20160407)
    asphalt = 0.6 * _blurred(rng, 1.0, 1.0) + 0.8 * _blurred(rng, 4.0, 40.0)
    row, column = np.mgrid[0:_TILE, 0:_TILE]
    slab = 16  # pixels: 0.8 m
    joint = (row % slab < 2) | ((column + slab // 2 * (row // slab % 2)) % slab < 2)
    shade = rng.standard_normal((_TILE // slab, _TILE // slab)).repeat(slab, 0).repeat(slab, 1)
    paving = 0.5 * shade - 1.6 * joint
    grass = 0.7 * _blurred(rng, 1.2, 1.2) + 0.7 * _blurred(rng, 12.0, 12.0)
    return np.ascontiguousarray(np.stack([asphalt, paving, grass], axis=-1).astype(np.float32))


@functools.cache
def _tables() -> tuple[np.ndarray, ...]:
    padded = np.zeros((256, _AMOUNTS.shape[1]), np.float32)
    padded[: len(_AMOUNTS)] = _AMOUNTS
    return tuple(np.ascontiguousarray(padded[:, k]) for k in range(padded.shape[1]))


def window(fields: np.ndarray, rng: np.random.Generator, shape: tuple[int, int]) -> np.ndarray:
    """Return a random part of tiles that wrap around, [h, w], as coarse as in 256 rows."""
    height, width = shape
    rows = min(height, _LOOK_HEIGHT)
    columns = max(1, round(width * rows / height))
    top, left = (int(n) for n in rng.integers(_TILE, size=2))
    part = fields.take(np.arange(top, top + rows), axis=0, mode="wrap")
    part = part.take(np.arange(left, left + columns), axis=1, mode="wrap")
    if part.shape[:2] != shape:
        part = cv2.resize(part, (width, height), interpolation=cv2.INTER_LINEAR)
    return part


@functools.cache
def _sensor_field() -> np.ndarray:
    rng = np.random.default_rng(20160408)
    return rng.standard_normal((_TILE, _TILE, 3), dtype=np.float32)


def sensor_noise(rng: np.random.Generator, shape: tuple[int, int]) -> np.ndarray:
    """Return white noise [h, w, 3] of unit variance: a random part of a tile that wraps around."""
    top, left = (int(n) for n in rng.integers(_TILE, size=2))
    part = _sensor_field().take(np.arange(top, top + shape[0]), axis=0, mode="wrap")
    return part.take(np.arange(left, left + shape[1]), axis=1, mode="wrap")


def cloud_field(rng: np.random.Generator, shape: tuple[int, int]) -> np.ndarray:
    """Return slow noise [h, w] of about unit variance, wider than high."""
    height, width = shape
    coarse = rng.standard_normal((max(3, height // 24), max(3, width // 48))).astype(np.float32)
    fine = rng.standard_normal((max(4, height // 8), max(4, width // 16))).astype(np.float32)
    size = (width, height)
    out = cv2.resize(coarse, size, interpolation=cv2.INTER_CUBIC)
    return out + 0.4 * cv2.resize(fine, size, interpolation=cv2.INTER_CUBIC)


def texture_factor(
    material: np.ndarray, camera: Camera, scale: int, rng: np.random.Generator
) -> np.ndarray:
    """Return the factor by which texture multiplies the colour of each pixel.

    Args:
      material: [h, w] uint8, ids of this module, `scale` times as fine as the camera's pixels.
      camera: puts the ground's texture in perspective, fixed to the street.
      scale: canvas pixels per camera pixel.
      rng: draws where the screen's noise begins.

    Returns:
      float32 [h, w], around 1.
    """
    tables = _tables()
    fields = window(_screen_fields(), rng, (material.shape[0], material.shape[1]))
    factor = np.ones(material.shape, np.float32)
    for k in range(4):
        factor += cv2.LUT(material, tables[k]) * fields[..., k]
    top = max(0, int((camera.horizon + 1) * scale))
    if top >= material.shape[0]:
        return factor
    rows = np.arange(top, material.shape[0], dtype=np.float32)[:, None] / scale
    columns = np.arange(material.shape[1], dtype=np.float32)[None, :] / scale
    z = camera.focal * camera.y / (rows - camera.horizon)  # [h', 1]
    x = (columns - camera.center) * (z / camera.focal) + camera.x - 0.5 * camera.curve * z * z
    map_x = np.mod(x * _GROUND_PIXELS, _TILE).astype(np.float32)
    map_y = np.mod((z + camera.z) * _GROUND_PIXELS, _TILE).astype(np.float32)
    map_y = np.ascontiguousarray(np.broadcast_to(map_y, map_x.shape))
    ground = cv2.remap(_ground_fields(), map_x, map_y, cv2.INTER_LINEAR, None, cv2.BORDER_WRAP)
    fade = 1.0 / (1.0 + (z / 18.0) ** 2)  # texture finer than a pixel averages out
    below = material[top:]
    mixed = sum(cv2.LUT(below, tables[4 + k]) * ground[..., k] for k in range(3))
    factor[top:] += fade * mixed
    return factor
