"""Recognize files of other formats, to say what a file is and what to hand in instead."""

from __future__ import annotations

import re

from components.contracts.annotation.fields import quote

FORMATS = (
    "Expected Label Studio JSON, a CVAT zip (Segmentation mask 1.1) or CVAT for images 1.1, labelme or "
    "COCO JSON, Cityscapes polygons (JSON), PNG masks, or a zip of these."
)
_LOSSY = "its compression changes ids. Export the masks as PNG masks."
_NO_MASK = "Export the masks as PNG masks."
_ZIP = "Unpack it, and hand in the files or a zip of them."
# The bytes with which a file begins, what it is, and what to do.
_STARTS: tuple[tuple[bytes, str], ...] = (
    (b"\xff\xd8\xff", f"This is a JPEG image: {_LOSSY}"),
    (b"GIF8", f"This is a GIF image. {_NO_MASK}"),
    (b"BM", f"This is a BMP image. {_NO_MASK}"),
    (b"II*\0", f"This is a TIFF image. {_NO_MASK}"),
    (b"MM\0*", f"This is a TIFF image. {_NO_MASK}"),
    (b"II+\0", f"This is a TIFF image. {_NO_MASK}"),
    (b"\x93NUMPY", f"This is a NumPy array. {_NO_MASK}"),
    (b"\x89HDF", f"This is an HDF5 file. {_NO_MASK}"),
    (b"%PDF", f"This is a PDF. {_NO_MASK}"),
    (b"PK\x03\x04", "This is a zip in a zip. Unpack it and hand in its content."),
    (b"\x1f\x8b", f"This is a gzip or tar.gz archive. {_ZIP}"),
    (b"7z\xbc\xaf\x27\x1c", f"This is a 7z archive. {_ZIP}"),
    (b"Rar!", f"This is a RAR archive. {_ZIP}"),
    (b"\xfd7zXZ", f"This is an xz archive. {_ZIP}"),
    (b"BZh", f"This is a bzip2 archive. {_ZIP}"),
    (b"\x28\xb5\x2f\xfd", f"This is a Zstandard archive. {_ZIP}"),
    (
        b"version https://git-lfs",
        "This is a pointer of Git LFS and not the file itself. Run `git lfs pull`, then hand it in.",
    ),
)
_TASK_FILE = re.compile(r"(^|/)task-\d+-annotation-\d+-", re.IGNORECASE)
_CSV = re.compile(rb"[\w\"' ]*(annotation_id|annotator|image|lead_time)[\"']?\s*[,\t]")


def reason_against(name: str, data: bytes) -> str:
    """Return why a file of unknown content is rejected: what it is, and what to do."""
    for start, reason in _STARTS:
        if data.startswith(start):
            return reason
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return f"This is a WebP image: {_LOSSY}"
    if data[4:8] == b"ftyp":
        return f"This is an image or a video of the kind {quote(_text(data[8:12]))}: {_LOSSY}"
    if data[257:262] == b"ustar":
        return f"This is a tar archive. {_ZIP}"
    head = data[:1000].lstrip().lower()
    if is_web_page(data):
        return (
            "This is a web page, such as a form for signing in, and not the export. Sign in, and "
            "download the export again."
        )
    if _CSV.match(head) or name.lower().endswith((".csv", ".tsv")):
        return (
            "This is a table (CSV). In Label Studio, choose the export format JSON; in other tools, "
            "masks or polygons."
        )
    return f"The format of this file is unknown. {FORMATS}"


def is_web_page(data: bytes) -> bool:
    """Return whether a file is HTML."""
    head = data[:1000].lstrip().lower()
    return head.startswith((b"<!doctype html", b"<html")) or b"<html" in head


def reason_against_name(name: str) -> str | None:
    """Return why a file is rejected whatever it holds, or None."""
    if _TASK_FILE.search(name.replace("\\", "/")):
        return (
            "Label Studio's PNG and NumPy exports name files after tasks, so that the names of the "
            "images are lost. In Label Studio, choose the export format JSON."
        )
    return None


def reason_against_zip(names: list[str]) -> str | None:
    """Return why a zip is rejected as a whole, by the names in it, or None."""
    reasons = (reason_against_name(name) for name in names)
    if (reason := next(filter(None, reasons), None)) is not None:
        return reason
    plain = {name.rpartition("/")[2].lower() for name in names}
    if {"task.json", "annotations.json"} <= plain:
        return (
            "This is a backup of a CVAT task. In CVAT, export the task's data set as \"Segmentation mask "
            '1.1" or "CVAT for images 1.1".'
        )
    if {"classes.txt", "data.yaml", "obj.names"} & plain and any(
        name.endswith(".txt") and re.search(r"(^|/)(labels|obj_train_data)/", name)
        for name in names
    ):
        return (
            "This is a YOLO export, which does not say how large its images are, nor which object is "
            'in front. Export JSON from Label Studio, or "Segmentation mask 1.1" from CVAT.'
        )
    return None


def reason_against_json(value: object) -> str:
    """Return why parsed JSON of unknown content is rejected."""
    if not isinstance(value, dict):
        return f"The JSON holds {quote(value)} and no annotations. {FORMATS}"
    if isinstance(value.get("categories"), dict) and "items" in value:
        return (
            'This is Datumaro\'s JSON. In CVAT, export the task as "Segmentation mask 1.1" or "CVAT for '
            'images 1.1".'
        )
    if "_via_img_metadata" in value:
        return "This is a project of VIA. In VIA, export the annotations as COCO."
    if "type" in value and "features" in value:
        return f"This is GeoJSON, whose places are not pixels. {FORMATS}"
    keys = ", ".join(quote(key) for key in list(value)[:6])
    holds = f"an object with the keys {keys}" if keys else "an empty object"
    return f"The JSON holds {holds} and no annotations. {FORMATS}"


def _text(data: bytes) -> str:
    return data.decode("ascii", "replace")
