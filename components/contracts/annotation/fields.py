"""Checked access to what a stranger's file holds: numbers, names, dates, ids, JSON."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import PurePosixPath
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from components.contracts.annotation.model import AnnotationError
from tfds_cityscapes.labels import BY_NAME, CLASS_NAMES, IGNORE_LABEL

UNKNOWN_ANNOTATOR = "unknown"
MAX_TEXT = 200  # characters of a name; a longer one is no name

# What annotators call "no class" in tools that have no word for it.
_IGNORE_NAMES = {"background", "ignore", "ignored", "void", "unlabelled"}
_IMAGE_SUFFIX = re.compile(
    r"(_leftImg8bit|_gtFine_polygons|_gtCoarse_polygons|_polygons|(_gtFine|_gtCoarse)?"
    r"_(labelIds|labelTrainIds|trainIds|instanceIds|color))$",
    re.IGNORECASE,
)
_UPLOAD_PREFIX = re.compile(r"^[0-9a-f]{8}-")


def clean(text: str, limit: int = MAX_TEXT) -> str:
    """A text that can be printed, logged and stored: no control characters, no lone surrogates."""
    return "".join(c if c.isprintable() else "?" for c in text[:limit])


def quote(value: object) -> str:
    """What came, short, for a reason: a text or number as it is, anything else by its kind."""
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
    """Parses JSON from bytes (UTF-8, with or without a mark; UTF-16 too).

    Raises:
      AnnotationError: it is cut off, is not JSON, or is nested too deeply to be an export.
    """
    try:
        return json.loads(data)
    except RecursionError as error:
        raise AnnotationError(
            "Expected an annotation export; got JSON nested too deeply for one."
        ) from error
    except ValueError as error:  # JSONDecodeError, UnicodeDecodeError, or too many digits
        raise AnnotationError(
            f"Expected complete JSON; it cannot be read ({clean(str(error), 100)}). "
            "The file may have been cut off while copying: export it again."
        ) from error


def whole(value: object, what: str, low: int, high: int) -> int:
    """A whole number in low..high; 1024.0 counts as one, true and "1024" do not."""
    number = int(value) if isinstance(value, float) and value.is_integer() else value
    if isinstance(number, bool) or not isinstance(number, int) or not low <= number <= high:
        raise AnnotationError(
            f"Expected {what} to be a whole number from {low} to {high}; got {quote(value)}."
        )
    return number


def real(value: object, what: str, low: float, high: float) -> float:
    """A finite number in low..high."""
    ok = isinstance(value, (int, float)) and not isinstance(value, bool)
    if not ok or not math.isfinite(value if isinstance(value, float) else 0.0):
        raise AnnotationError(f"Expected {what} to be a number; got {quote(value)}.")
    if not low <= value <= high:  # type: ignore[operator]
        raise AnnotationError(
            f"Expected {what} to be between {low:g} and {high:g}; got {quote(value)}."
        )
    return float(value)  # type: ignore[arg-type]


def fields_of(value: object, what: str) -> Mapping[str, Any]:
    """A JSON object, or AnnotationError."""
    if not isinstance(value, dict):
        raise AnnotationError(f"Expected {what} to be an object; got {quote(value)}.")
    return value


def items_of(value: object, what: str) -> list[Any]:
    """A JSON list, or AnnotationError."""
    if not isinstance(value, list):
        raise AnnotationError(f"Expected {what} to be a list; got {quote(value)}.")
    return value


def timestamp(value: object) -> str | None:
    """An ISO 8601 date and time in UTC, or None where there is none that can be read."""
    if not isinstance(value, str) or len(value) > 64:
        return None
    try:
        moment = datetime.fromisoformat(value.strip())
        moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
        return moment.astimezone(UTC).isoformat(timespec="microseconds")
    except (ValueError, OverflowError):
        return None


def train_id_of(name: object) -> int:
    """The train id of a class by its Cityscapes name: 0..18, or 255 for one that is not scored.

    Capitals, and `_` or `-` for a space, do not matter; "cargroup" is "car", as in the benchmark.
    """
    if isinstance(name, str):
        plain = " ".join(re.split(r"[\s_-]+", name[:MAX_TEXT].strip().lower()))
        if plain in _IGNORE_NAMES:
            return IGNORE_LABEL
        for known in (plain, plain.removesuffix("group").rstrip()):
            if known in BY_NAME:
                return BY_NAME[known].train_id
    raise AnnotationError(
        f"Expected a class of the label table ({', '.join(CLASS_NAMES)}); got {quote(name)}. "
        "Rename the class in the annotation tool, or use its labeling config from this project."
    )


def checked_image_id(value: object) -> str:
    """An image id that is safe as a name: 1..200 printable characters, no path."""
    ok = isinstance(value, str) and 0 < len(value) <= MAX_TEXT and value.isprintable()
    if not ok or value.startswith(".") or set(value) & set("/\\"):  # type: ignore
        raise AnnotationError(
            f"Expected an image id (a plain name, at most {MAX_TEXT} characters); "
            f"got {quote(value)}."
        )
    return value  # type: ignore[return-value]


def image_id_of_file(name: str) -> str:
    """The image id in a file's name or URL: no folder, no ending, no `_leftImg8bit` or the like.

    Label Studio puts 8 hex digits and a dash before the name of an uploaded file; its local files
    are `/data/local-files/?d=<path>`.
    """
    try:
        url = urlsplit(name if "://" in name or name.startswith("/data/") else "")
        path = parse_qs(url.query).get("d", [unquote(url.path)])[0] or name
    except ValueError:  # such as an unclosed bracket in the host
        path = name
    pure = PurePosixPath(path.replace("\\", "/"))
    stem = re.sub(r"\.(png|jpe?g|json|webp|bmp|tiff?)$", "", pure.name, flags=re.IGNORECASE)
    if "upload" in pure.parts:
        stem = _UPLOAD_PREFIX.sub("", stem)
    return checked_image_id(_IMAGE_SUFFIX.sub("", stem))
