"""Check the values in a stranger's file: numbers, names, dates, ids, JSON."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import PurePosixPath
from typing import Any

from components.contracts.annotation.model import AnnotationError
from tfds_cityscapes.labels import CLASS_NAMES, label_named
from tfds_cityscapes.names import MOST_CHARACTERS, is_usable_name

UNKNOWN_ANNOTATOR = "unknown"
DATA_SET = "data set"  # the annotator of masks that the data set has
MAX_TEXT = MOST_CHARACTERS  # of a name
MAX_SIDE = 2**16  # pixels; keeps height x width within bounds until the budget checks it

# What names of masks add to those of their images; some tools keep the whole name of the image's file.
_OF_MASK = r"(_gtFine|_gtCoarse)?_(polygons|labelIds|labelTrainIds|trainIds|instanceIds|color)$"
_MASK_SUFFIX = re.compile(_OF_MASK, re.IGNORECASE)
_IMAGE_SUFFIX = re.compile(rf"(_leftImg8bit)?(\.(png|jpe?g))?({_OF_MASK}|$)", re.IGNORECASE)
_PLAIN_NAME = f"a plain name of at most {MAX_TEXT} characters, without a folder"


def clean(text: str, limit: int = MAX_TEXT) -> str:
    """Return a text safe to print, log and store: no control characters, no lone surrogates."""
    return "".join(c if c.isprintable() else "?" for c in text[:limit])


def quote(value: object) -> str:
    """Describe a value in a few words for a reason: a text or number itself, else its kind."""
    if isinstance(value, str):
        return f'"{clean(value, 60)}"' + (" …" if len(value) > 60 else "")
    if value is None or isinstance(value, bool):
        return "nothing" if value is None else str(value).lower()
    if isinstance(value, float):
        return f"{value:g}"
    if isinstance(value, int):
        return str(value) if abs(value) < 10**12 else "a huge number"
    return "a list" if isinstance(value, list) else "an object"


def parse_json(data: bytes) -> Any:
    """Parse JSON from bytes (UTF-8, with or without a byte order mark, or UTF-16).

    Raises:
      AnnotationError: the bytes are cut off, not JSON, or nested too deeply for an export.
    """
    try:
        return json.loads(data)
    except RecursionError as error:
        raise AnnotationError(
            "The JSON is nested too deeply for an annotation export. Export it again."
        ) from error
    except ValueError as error:  # JSONDecodeError, UnicodeDecodeError, or too many digits
        if str(error).startswith("Extra data"):
            raise AnnotationError(
                "The file holds several JSON values, one after the other (JSON lines). Export one JSON "
                "document."
            ) from error
        raise AnnotationError(
            f"The JSON cannot be read ({clean(str(error), 100)}). The file may have been cut off "
            "while it was copied: export it again."
        ) from error


def whole(value: object, what: str, low: int, high: int) -> int:
    """Return a whole number in low..high; 1024.0 counts as one, true and "1024" do not."""
    number = int(value) if isinstance(value, float) and value.is_integer() else value
    if isinstance(number, bool) or not isinstance(number, int) or not low <= number <= high:
        raise _wrong(value, what, f"a whole number from {low} to {high}")
    return number


def size_of(height: object, width: object, of: str = "the image") -> tuple[int, int]:
    """Return the height and width of an image in pixels; `of` names it in the reason against them."""
    return (
        whole(height, f"the height of {of}", 1, MAX_SIDE),
        whole(width, f"the width of {of}", 1, MAX_SIDE),
    )


def real(value: object, what: str, low: float, high: float) -> float:
    """Return a number in low..high."""
    if isinstance(value, int | float) and not isinstance(value, bool) and low <= value <= high:
        return float(value)
    raise _wrong(value, what, f"a number between {low:g} and {high:g}")


def fields_of(value: object, what: str) -> Mapping[str, Any]:
    """Return a JSON object, or raise AnnotationError."""
    if not isinstance(value, dict):
        raise _wrong(value, what, "an object")
    return value


def items_of(value: object, what: str) -> list[Any]:
    """Return a JSON list, or raise AnnotationError."""
    if not isinstance(value, list):
        raise _wrong(value, what, "a list")
    return value


def _wrong(value: object, what: str, expected: str) -> AnnotationError:
    return AnnotationError(f"Wrong value for {what}: {quote(value)}. Expected {expected}.")


def timestamp(value: object) -> str | None:
    """Return an ISO 8601 date and time in UTC, or None if it cannot be read."""
    if not isinstance(value, str) or len(value) > 64:
        return None
    try:
        moment = datetime.fromisoformat(value.strip())
        moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
        return moment.astimezone(UTC).isoformat(timespec="microseconds")
    except (ValueError, OverflowError):
        return None


def train_id_of(name: object) -> int:
    """Return the train id of a class by its name, see `label_named`; 255 if it is not scored."""
    row = label_named(name[:MAX_TEXT]) if isinstance(name, str) else None
    if row is not None:
        return row.train_id
    raise AnnotationError(
        f"Unknown class: {quote(name)}. Rename it in the annotation tool, or use the labeling config "
        f"of this project. Expected one of: {', '.join(CLASS_NAMES)}."
    )


def checked_image_id(value: object) -> str:
    """Return an image id that is safe as a name: 1..200 characters in one line, no path."""
    if not isinstance(value, str) or not is_usable_name(value):
        raise _wrong(value, "an image id", _PLAIN_NAME)
    if value.startswith(".") or set(value) & set("/\\"):
        raise _wrong(value, "an image id", _PLAIN_NAME)
    return value


def stem_of(name: str) -> str:
    """Return the name of an image, mask or annotation file without its folder and ending."""
    plain = PurePosixPath(name.replace("\\", "/")).name
    return re.sub(r"\.(png|jpe?g|json|xml|webp|bmp|tiff?)$", "", plain, flags=re.IGNORECASE)


def mask_stem_of(name: str) -> str:
    """Return the name of a mask without folder, ending and suffix: `a.jpg` of `a.jpg_labelIds.png`."""
    return _MASK_SUFFIX.sub("", stem_of(name))


def image_id_of_file(name: str) -> str:
    """Return the image id in a file's name: no folder, ending, `_leftImg8bit` or the like."""
    return checked_image_id(_IMAGE_SUFFIX.sub("", stem_of(name)))
