"""Malformed annotation exports: damaged files, distorted JSON, PNGs and zips that lie."""

import copy
import io
import json
import re
import struct
import zipfile
import zlib

import numpy as np
from hypothesis import strategies as st

from components.contracts.annotation import Limits, cvat
from components.contracts.annotation.cityscapes_polygons import write as write_polygons
from components.contracts.annotation.label_studio import write_task
from components.contracts.annotation.png_mask import write
from tests.support.annotation_files import (
    bitmask_url,
    coco,
    cvat_frames,
    cvat_xml,
    labelme,
    png_text,
    zipped,
)
from tests.support.damage import damaged_bytes
from tests.support.png_files import chunk

LIMITS = Limits(
    max_file_bytes=2**20,
    max_pixels=10_000,
    max_batch_pixels=40_000,
    max_members=40,
    max_unpacked_bytes=2**21,
    max_objects=50,
)
MAP = np.array([[0, 13, 0, 255], [18, 18, 2, 2], [10, 10, 10, 10]], np.uint8)


def label_studio() -> list:
    task = write_task("a_1", "http://host/a_1.png", MAP, "model 1", 0.5)
    result = task.pop("predictions")[0]["result"]
    polygon = {
        "type": "polygonlabels",
        "original_width": 4,
        "original_height": 3,
        "image_rotation": 0,
        "value": {"points": [[0, 0], [50.5, 0], [20, 99]], "polygonlabels": ["sky"]},
    }
    box = {"x": 10, "y": 20, "width": 30, "height": 40, "rotation": 5, "rectanglelabels": ["car"]}
    ellipse = {"x": 50, "y": 50, "radiusX": 9, "radiusY": 30, "ellipselabels": ["car"]}
    bitmask = {"imageDataURL": bitmask_url(MAP == 2), "bitmasklabels": ["wall"]}
    others = [
        {**polygon, "type": kind, "value": value}
        for kind, value in (
            ("rectanglelabels", box),
            ("ellipselabels", ellipse),
            ("bitmasklabels", bitmask),
        )
    ]
    task["annotations"] = [
        {
            "completed_by": {"id": 2, "email": "e@x"},
            "created_at": "2026-01-02T03:04:05Z",
            "result": [*result[:2], polygon, *others],
        },
        {"completed_by": 1, "was_cancelled": True, "result": []},
    ]
    return [task]


def labelme_with_mask() -> dict:
    mask = {"label": "car", "shape_type": "mask", "points": [[1, 1], [2, 2]]}
    shapes = labelme()["shapes"]
    return labelme(shapes=[*shapes, {**mask, "mask": png_text(np.ones((2, 2), np.uint8))}])


JSON = {
    "export.json": label_studio(),
    "stored.json": {**label_studio()[0]["annotations"][0], "task": label_studio()[0]},
    "a_1_gtFine_polygons.json": json.loads(write_polygons(MAP)),
    "a_1.json": labelme_with_mask(),
    "result.json": coco(),
    "cvat.json": cvat_frames(),
}
SOUND = {
    **{name: json.dumps(value).encode() for name, value in JSON.items()},
    "annotations.xml": cvat_xml(),
    "a_1_labelIds.png": write(MAP, "label_ids"),
    "a_1_color.png": write(MAP, "color"),
    "a_1.png": write(MAP),
    "cvat.zip": cvat.write([("a_1", MAP), ("a_2", MAP)]),
    "masks.zip": zipped({"a_1_trainIds.png": write(MAP), "x/e.json": json.dumps(label_studio())}),
}


def is_a_reason(text: str) -> bool:
    """Whether a text reads as a reason: it names the problem, and a second sentence the remedy."""
    return re.fullmatch(r"[A-Z].*[.)] [A-Z].*[.?]", text) is not None


@st.composite
def damaged(draw):
    """Draw a damaged export."""
    name = draw(st.sampled_from(sorted(SOUND)))
    return name, draw(damaged_bytes(SOUND[name]))


NUMBERS = st.one_of(
    st.integers(-(2**70), 2**70),
    st.sampled_from([0, -1, 2**15, 2**16, 2**31, 2**32, 2**63, 10**300, 1e308, 5e-324, -0.0]),
    st.floats(),  # with NaN and infinity: Python's JSON has them
)
TEXTS = st.one_of(
    st.text(max_size=12),
    st.sampled_from(["../../x", "/etc/passwd", "C:\\x", "\ud800", "\0", "road", "a\nb", "x" * 300]),
    st.sampled_from(["http://[", "/data/upload/1/1a2b3c4d-", "?d=", "2026-13-45", "0001-01-01"]),
)
KEYS = [
    *("data", "annotations", "result", "value", "rle", "points", "id", "task", "shapes"),
    *("imagePath", "images", "categories", "segmentation"),
]
LEAVES = st.one_of(st.none(), st.booleans(), NUMBERS, TEXTS)
TREES = st.recursive(
    LEAVES,
    lambda inner: st.one_of(
        st.lists(inner, max_size=4),
        st.dictionaries(
            st.sampled_from(KEYS),
            inner,
            max_size=4,
        ),
    ),
    max_leaves=12,
)


def places(value, path=()) -> list[tuple]:
    """Return every place in a JSON value; of a long list, only the first few."""
    inner = value.items() if isinstance(value, dict) else ()
    inner = enumerate(value[:6]) if isinstance(value, list) else inner
    return [path, *(p for key, item in inner for p in places(item, (*path, key)))]


@st.composite
def distorted_json(draw, value):
    """Draw a JSON value whose parts are replaced, left out, swapped or buried in lists."""
    value = copy.deepcopy(value)
    for _ in range(draw(st.integers(1, 3))):
        found = [path for path in places(value) if path]
        if not found:
            break
        *path, last = draw(st.sampled_from(found))
        parent = value
        for key in path:
            parent = parent[key]
        kind = draw(st.sampled_from(["replace", "replace", "leave out", "swap", "bury"]))
        if kind == "replace":
            parent[last] = draw(TREES)
        elif kind == "leave out":
            del parent[last]
        elif kind == "swap":
            other = draw(st.sampled_from(list(parent) if isinstance(parent, dict) else [0]))
            parent[last], parent[other] = parent[other], parent[last]
        else:
            for _ in range(draw(st.integers(1, 60))):
                parent[last] = [parent[last]]
    return value


@st.composite
def distorted(draw):
    """Draw a JSON export with distorted values."""
    name = draw(st.sampled_from(sorted(JSON)))
    return name, json.dumps(draw(distorted_json(json.loads(SOUND[name])))).encode()


@st.composite
def png_files(draw):
    """Draw PNGs whose checksums are right and whose content is wrong."""
    side = st.one_of(st.integers(0, 6), st.sampled_from([2**16, 2**31 - 1, 2**32 - 1]))
    byte = st.sampled_from([0, 0, 0, 1, 2, 3, 4, 6, 8, 8, 16, 255])
    header = struct.pack(">II5B", draw(side), draw(side), *(draw(byte) for _ in range(5)))
    pixels = draw(st.binary(max_size=200))
    body = zlib.compress(pixels) if draw(st.booleans()) else pixels
    palette = draw(st.one_of(st.none(), st.binary(max_size=30)))
    chunks = [(b"IHDR", header), (b"IDAT", body), (b"IEND", b"")]
    if palette is not None:
        chunks.insert(1, (b"PLTE", palette))
    if draw(st.booleans()):
        chunks.insert(1, (draw(st.sampled_from([b"acTL", b"tRNS", b"iCCP", b"eXIf"])), pixels))
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunk(*parts) for parts in draw(st.permutations(chunks)))


@st.composite
def strokes(draw):
    """Draw brush strokes that announce the right number of values before random data."""
    header = f"{48:032b}{draw(st.integers(0, 31)):05b}"
    header += "".join(f"{draw(st.integers(0, 15)):04b}" for _ in range(4))
    body = draw(st.binary(max_size=60))
    bits = header + "".join(f"{byte:08b}" for byte in body)
    bits += "0" * (-len(bits) % 8)
    return [int(bits[i : i + 8], 2) for i in range(0, len(bits), 8)]


NAMES = st.one_of(
    st.sampled_from(
        ["../a.png", "/a.png", "a/../../b.png", "..\\a.png", "C:\\a.png", "SegmentationClass/a.png"]
    ),
    st.sampled_from(["SegmentationClass/", "labelmap.txt", "label_colors.txt", ".png", "a_1.json"]),
    st.text(max_size=10, alphabet=st.characters(exclude_categories=["Cs"])).map(
        lambda text: text + ".png"
    ),
)


@st.composite
def zip_files(draw):
    """Draw zips with hostile names, odd attributes, methods and flags, and sizes that lie."""
    stream = io.BytesIO()
    contents = st.one_of(st.binary(max_size=40), st.sampled_from(sorted(SOUND.values())))
    with zipfile.ZipFile(stream, "w") as archive:
        for name in draw(st.lists(NAMES, max_size=5, unique=True)):
            entry = zipfile.ZipInfo(name or "x")
            entry.external_attr = draw(st.sampled_from([0, 0, 0o120777 << 16, 0o100644 << 16]))
            entry.compress_type = draw(st.sampled_from([0, 8, 8, 12, 14]))
            archive.writestr(entry, draw(contents))
    data = bytearray(stream.getvalue())
    fields = [i + off for i in range(len(data) - 46) if data[i : i + 4] == b"PK\x01\x02"
              for off in (8, 10, 20, 24, 28, 42)]  # fmt: skip
    for at in draw(st.lists(st.sampled_from(fields), max_size=3)) if fields else []:
        data[at] = draw(st.integers(0, 255))
    return bytes(data)
