"""Find the image of a Label Studio task: by the id in its data, or by the address of its image."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from components.contracts.annotation.fields import checked_image_id, clean, quote
from components.contracts.annotation.known import KnownImages
from components.contracts.annotation.model import AnnotationError

_IMAGE_ENDS = re.compile(r"\.(png|jpe?g|webp|bmp|tiff?|gif)$", re.IGNORECASE)


def image_id_of(data: Mapping[str, Any], images: KnownImages) -> str:
    """Return the image of a task.

    Args:
      data: of the task. Its `image_id` counts, or else its `image`, or another key of any name if
        only one of them holds an image.
      images: those that are known; an id or a name that is known comes first.

    Raises:
      AnnotationError: the data name no image, or several.
    """
    image_id, image = _own_id(data.get("image_id"), images), data.get("image")
    if image_id is not None and image_id in images:
        _check_agreement(image_id, image, images)
        return image_id
    if image_id is None and isinstance(image, str):
        image_id = images.id_of_file(path_of(image))
        if image_id in images:
            return image_id
    names = [path for key, value in data.items() if (path := _image_path(key, value))]
    known = images.one_of_files(names)
    if known is not None:
        return known
    if image_id is not None:
        return image_id
    if len(names) == 1:
        return images.id_of_file(names[0])
    keys = ", ".join(clean(str(key), 40) for key in list(data)[:8]) or "none"
    raise AnnotationError(
        f"The task's data do not say which image this is; their keys are: {keys}. Import tasks with "
        'an "image_id", or with the image\'s name in "image".'
    )


def _check_agreement(image_id: str, image: object, images: KnownImages) -> None:
    named = images.one_of_files([path_of(image)] if isinstance(image, str) else [])
    if named not in (None, image_id):
        raise AnnotationError(
            f'The task\'s "image_id" is {quote(image_id)}, but its "image" is {quote(named)}. Correct '
            "one of them."
        )


def path_of(address: str) -> str:
    """Return the path in an address of an image; a plain name is returned as it is.

    A local file is `/data/local-files/?d=<path>`; one in a bucket is, in exports with resolved
    addresses, `/tasks/1/resolve/?fileuri=<address in Base64>`.
    """
    if "://" in address and not re.match(r"https?://", address, re.IGNORECASE):
        return address  # in a bucket, "?", "#" and "%" are characters of the name
    try:
        url = urlsplit(address if "://" in address or address.startswith("/") else "")
        query = parse_qs(url.query.replace("+", "%2B"))
    except ValueError:  # such as an unclosed bracket in the host
        return address
    if "fileuri" in query:
        return path_of(_decoded(query["fileuri"][0]))
    if "local-files" in url.path and "d" in query:
        return query["d"][0]
    return unquote(url.path) or address


def _decoded(text: str) -> str:
    try:
        padded = text.rstrip("=") + "=" * (-len(text.rstrip("=")) % 4)
        address = base64.b64decode(padded.replace("-", "+").replace("_", "/"), validate=True)
        decoded = address.decode()
    except (binascii.Error, ValueError) as error:
        raise AnnotationError(
            "The address of the image (fileuri) is not Base64. Export the project again, without "
            "resolved addresses."
        ) from error
    return "" if "fileuri=" in decoded else decoded  # an address does not hold itself


def _own_id(value: object, images: KnownImages) -> str | None:
    if value is None:
        return None
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if isinstance(value, int) and not isinstance(value, bool) and abs(value) < 10**15:
        value = str(value)  # Label Studio reads a table's column of digits as numbers
    return images.resolve(checked_image_id(value))


def _image_path(key: str, value: object) -> str | None:
    """Return the path of an image that a value of the data names, or None."""
    if key == "image_id" or not isinstance(value, str):
        return None
    try:
        path = path_of(value)
    except AnnotationError:
        return None
    return path if _IMAGE_ENDS.search(path) else None
