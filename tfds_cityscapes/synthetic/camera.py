"""A pinhole camera over a street that may bend: metres in the street become pixels."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

NEAR = 0.6  # metres: anything closer is cut off
FAR = 90.0  # metres: nothing farther is painted piece by piece


@dataclass(frozen=True)
class Camera:
    """The position and the optics of the camera.

    Street coordinates in metres: x to the right of the road's centre line, y up from the ground,
    z ahead of the camera. `curve` is the road's curvature in 1/m.
    """

    height: int  # pixels
    width: int  # pixels
    focal: float  # pixels
    center: float  # column of the principal point
    horizon: float  # row of the horizon
    x: float  # metres from the centre line
    y: float  # metres above the ground
    z: float  # metres driven since the street's start
    curve: float

    def project(self, points: np.ndarray) -> np.ndarray:
        """Project points [..., 3] (m), all with z >= NEAR, to pixels [..., 2] (column, row)."""
        z = points[..., 2]
        scale = self.focal / z
        out = np.empty((*z.shape, 2))
        out[..., 0] = self.center + scale * (points[..., 0] - self.x + 0.5 * self.curve * z * z)
        out[..., 1] = self.horizon + scale * (self.y - points[..., 1])
        return out

    def polygon(self, points: np.ndarray) -> np.ndarray:
        """Project a polygon [N, 3] (m), cut at NEAR: [M, 2] pixels, M = 0 if it is all behind."""
        return self.project(_cut_near(np.asarray(points, np.float64)))

    def scale(self, z: float) -> float:
        """Return the pixels per metre at the distance z (m)."""
        return self.focal / z

    def foot(self, x: float, z: float) -> tuple[float, float]:
        """Return the pixel (column, row) of the ground point (x, z)."""
        scale = self.focal / z
        u = self.center + scale * (x - self.x + 0.5 * self.curve * z * z)
        return u, self.horizon + scale * self.y

    def nearest_ground(self) -> float:
        """Return the distance (m) of the ground in the lowest row."""
        return max(NEAR, self.focal * self.y / (self.height - self.horizon) * 0.95)


def _cut_near(points: np.ndarray) -> np.ndarray:
    inside = points[:, 2] >= NEAR
    if inside.all():
        return points
    out = []
    for i in range(len(points)):
        a, b = points[i - 1], points[i]
        if inside[i] != inside[i - 1]:
            out.append(a + (b - a) * ((NEAR - a[2]) / (b[2] - a[2])))
        if inside[i]:
            out.append(b)
    return np.array(out).reshape(-1, 3)
