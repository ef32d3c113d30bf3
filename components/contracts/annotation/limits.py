"""How much an export may ask of this machine, and the count of what it has asked for so far."""

from __future__ import annotations

from dataclasses import dataclass

from components.contracts.annotation.model import AnnotationError

MIB = 2**20


@dataclass(frozen=True)
class Limits:
    """What one export may cost. A compressed file can claim far more than its own size.

    Attributes:
      max_file_bytes: of the file itself.
      max_pixels: of one image; the default fits 8192x4096.
      max_batch_pixels: of all label maps of one file together, one byte each in memory.
      max_members: entries of a zip, or tasks of a JSON export.
      max_unpacked_bytes: of all entries of a zip together.
      max_ratio: unpacked to packed size of an entry over 1 MiB.
      max_objects: polygons or brush strokes of one image.
    """

    max_file_bytes: int = 512 * MIB
    max_pixels: int = 2**25
    max_batch_pixels: int = 2**31
    max_members: int = 20_000
    max_unpacked_bytes: int = 2048 * MIB
    max_ratio: int = 200
    max_objects: int = 5_000


class Budget:
    """Counts the pixels of one export against its limits, before any of them is allocated."""

    def __init__(self, limits: Limits) -> None:
        self.limits = limits
        self._pixels = 0

    def spend(self, height: int, width: int) -> None:
        """Books one label map; AnnotationError if it or the whole export is too large."""
        self.check(height, width)
        self._pixels += height * width
        if self._pixels > self.limits.max_batch_pixels:
            raise AnnotationError(
                f"Expected at most {self.limits.max_batch_pixels:,} pixels in one file; its images "
                "together have more. Export fewer images at a time."
            )

    def check(self, height: int, width: int) -> None:
        """AnnotationError if one image of this size is empty or too large."""
        if height < 1 or width < 1:
            raise AnnotationError(f"Expected an image with pixels; got {width}x{height}.")
        if height * width > self.limits.max_pixels:
            raise AnnotationError(
                f"Expected at most {self.limits.max_pixels:,} pixels in an image; got "
                f"{width}x{height}. Check the size that the annotation tool recorded."
            )

    def check_members(self, count: int) -> None:
        """AnnotationError if one file has too many parts."""
        if count > self.limits.max_members:
            raise AnnotationError(
                f"Expected at most {self.limits.max_members:,} parts in one file; got {count:,}. "
                "Split the export."
            )

    def check_objects(self, count: int) -> None:
        """AnnotationError if one image has too many outlines or strokes to paint."""
        if count > self.limits.max_objects:
            raise AnnotationError(
                f"Expected at most {self.limits.max_objects:,} objects in an image; got {count:,}. "
                "Merge objects of the same class."
            )
