"""Limit how much memory and time one export may cost this machine."""

from __future__ import annotations

from dataclasses import dataclass

from components.contracts.annotation.model import AnnotationError

MIB = 2**20


@dataclass(frozen=True)
class Limits:
    """The limits of one export. A compressed file can claim far more than its own size.

    Attributes:
      max_file_bytes: of the file itself.
      max_pixels: of one image; the default fits 8192x4096.
      max_batch_pixels: of all label maps of one file together; a pixel takes one byte of memory.
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
    """The pixels that one export has used up; they are counted before any is allocated."""

    def __init__(self, limits: Limits) -> None:
        self.limits = limits
        self._pixels = 0

    def spend(self, height: int, width: int) -> None:
        """Count one label map; AnnotationError if it or the whole export is too large."""
        self.check(height, width)
        self._pixels += height * width
        if self._pixels > self.limits.max_batch_pixels:
            raise AnnotationError(
                f"There are more than {self.limits.max_batch_pixels:,} pixels in one file. Export fewer "
                "images at a time."
            )

    def check(self, height: int, width: int) -> None:
        """Raise AnnotationError if one image of this size is empty or too large."""
        if height < 1 or width < 1:
            raise AnnotationError(f"The image has no pixels ({width}x{height}). Export it again.")
        if height * width > self.limits.max_pixels:
            raise AnnotationError(
                f"The image is too large: {width}x{height}, and at most {self.limits.max_pixels:,} "
                "pixels are accepted. Check the size that the annotation tool recorded."
            )

    def check_members(self, count: int) -> None:
        """Raise AnnotationError if one file has too many parts."""
        if count > self.limits.max_members:
            raise AnnotationError(
                f"The file has {count:,} parts; at most {self.limits.max_members:,} are accepted. "
                "Split the export."
            )

    def check_objects(self, count: int) -> None:
        """Raise AnnotationError if one image has too many outlines or strokes to paint."""
        if count > self.limits.max_objects:
            raise AnnotationError(
                f"The image has {count:,} objects; at most {self.limits.max_objects:,} are accepted. "
                "Merge objects of the same class."
            )
