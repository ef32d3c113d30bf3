"""Find the image that a file or a task means, among those that are known.

Tools change names: Label Studio stores an upload as `0a1b2c3d-my_street_1.png`, macOS writes accents in
two characters, a table drops leading zeros. A changed name counts only if it fits one known image.
"""

from __future__ import annotations

import re
import unicodedata
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from pathlib import PurePosixPath

from components.contracts.annotation.fields import (
    checked_image_id,
    image_id_of_file,
    mask_stem_of,
    quote,
    stem_of,
)
from components.contracts.annotation.model import AnnotationError

_UPLOAD_PREFIX = re.compile(r"^[0-9a-f]{8}-")


class KnownImages:
    """The images that labels may be for; without any, every name is taken as it is written."""

    def __init__(self, sizes: Mapping[str, tuple[int, int]] | None = None) -> None:
        """Remember the native size (height, width) of each image by its id."""
        self._sizes = sizes or {}
        self._composed = _grouped(self._sizes, _composed)
        self._plain = _grouped(self._sizes, _plain)

    def __contains__(self, image_id: str) -> bool:
        return image_id in self._sizes

    def size_of(self, image_id: str) -> tuple[int, int] | None:
        """Return the height and width of an image in pixels, or None if it is unknown."""
        return self._sizes.get(image_id)

    def resolve(self, image_id: str, altered: bool = False) -> str:
        """Return the known image that an id means, or the id itself if it fits none.

        Args:
          image_id: as it was found.
          altered: whether a tool has replaced characters of it, so that an equal id proves nothing.

        Raises:
          AnnotationError: it fits several images.
        """
        if image_id in self._sizes and not altered:
            return image_id
        fits = [] if altered else self._composed.get(_composed(image_id), [])
        fits = fits or self._plain.get(_plain(image_id), [])
        if len(fits) > 1:
            raise AnnotationError(
                f"The image {quote(image_id)} can be {' or '.join(map(quote, fits[:3]))}: the tool "
                "that wrote the name replaces blanks and other characters. Rename one of the images."
            )
        return fits[0] if fits else image_id

    def id_of_file(self, name: str) -> str:
        """Return the id of the image whose own file has this name, such as `images/a_leftImg8bit.png`.

        Unlike the name of a mask, it may end in `_color` or the like.

        Raises:
          AnnotationError: the name cannot be an image's, or it fits several images.
        """
        stem = stem_of(name)
        uploaded = _UPLOAD_PREFIX.sub("", stem)
        spellings = [] if uploaded != stem and _is_upload(name) else [stem, image_id_of_file(name)]
        # Elsewhere, the name with such a prefix may be an image's own: it comes first.
        of_upload = [uploaded, _id_in(uploaded)] if uploaded != stem else []
        for spelling in (*spellings, *of_upload):
            image_id = self.resolve(spelling, altered=spelling in of_upload)
            if image_id in self:
                return image_id
        return _id_in((*spellings, *of_upload)[0])

    def id_of_mask(self, name: str) -> str:
        """Return the id of the image whose mask, polygons or view has this name, such as `a_color.png`.

        An id may itself end like an image's file: of a mask `a.jpg_color.png` the image `a.jpg`, if it is
        known, comes before `a`.

        Raises:
          AnnotationError: the name cannot be an image's, or it fits several images.
        """
        image_id = self.resolve(mask_stem_of(name))
        return image_id if image_id in self else image_id_of_file(name)

    def one_of_files(self, names: Iterable[str]) -> str | None:
        """Return the known image that the given files mean, or None if they mean none of them.

        Raises:
          AnnotationError: they mean several images.
        """
        found: dict[str, str] = {}
        for name in names:
            with suppress(AnnotationError):  # not the name of an image, or of several
                if (image_id := self.id_of_file(name)) in self:
                    found[image_id] = name
        if len(found) > 1:
            raise AnnotationError(
                f"Two names mean different images: {' and '.join(map(quote, found.values()))}. "
                "Correct one of them."
            )
        return next(iter(found), None)


def _is_upload(name: str) -> bool:
    return "upload" in PurePosixPath(name.replace("\\", "/")).parts


def _id_in(stem: str) -> str:
    return image_id_of_file(checked_image_id(stem))


def _grouped(ids: Iterable[str], key: Callable[[str], str]) -> dict[str, list[str]]:
    groups: defaultdict[str, list[str]] = defaultdict(list)
    for image_id in ids:
        groups[key(image_id)].append(image_id)
    return dict(groups)


def _composed(image_id: str) -> str:
    return unicodedata.normalize("NFC", image_id)


def _plain(image_id: str) -> str:
    """Return a name as Django, and with it Label Studio, stores it; a number without leading zeros."""
    plain = re.sub(r"[^-\w.]", "", _composed(image_id).strip().replace(" ", "_"))
    if plain.isdecimal():
        return plain.lstrip("0") or "0"
    return plain or image_id


ANY_IMAGE = KnownImages()
