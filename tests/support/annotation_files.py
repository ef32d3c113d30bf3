"""Small files in the formats that are read: labelme, COCO, CVAT.

Each is for image `a_1` of 4x3 pixels: road on the left half, a car in the middle of the last row.
"""

import base64
import io
import zipfile

import cv2
import numpy as np
from PIL import Image

from components.contracts.annotation.model import Annotation, Batch

HEIGHT, WIDTH = 3, 4
EXPECTED = np.array([[0, 0, 255, 255], [0, 0, 255, 255], [0, 13, 13, 255]], np.uint8)
CAR = np.array([[0, 0, 0, 0], [0, 0, 0, 0], [0, 1, 1, 0]], bool)


def png_text(pixels: np.ndarray) -> str:
    """Return a PNG of pixels, uint8 [H, W] or [H, W, 4] (RGBA), in Base64."""
    stream = io.BytesIO()
    Image.fromarray(pixels).save(stream, "PNG")
    return base64.b64encode(stream.getvalue()).decode()


def bitmask_url(mask: np.ndarray) -> str:
    """Return a mask, bool [H, W], as Label Studio writes it: black on transparent."""
    pixels = np.zeros((*mask.shape, 4), np.uint8)
    pixels[mask, 3] = 255
    return f"data:image/png;base64,{png_text(pixels)}"


def zipped(files: dict, compression: int = zipfile.ZIP_DEFLATED) -> bytes:
    """Return a zip of name (or ZipInfo) -> content."""
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", compression) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return stream.getvalue()


def only(batch: Batch) -> Annotation:
    """Return the annotation of a batch that holds nothing else."""
    assert batch.refusals == ()
    (annotation,) = batch.annotations
    return annotation


def labelme(**more) -> dict:
    road = {"label": "road", "shape_type": "polygon", "points": [[0, 0], [2, 0], [2, 3], [0, 3]]}
    car = {"label": "car", "shape_type": "rectangle", "points": [[1, 2], [3, 3]]}
    return {
        "version": "5.5.0",
        "shapes": [road, car],
        "imagePath": "..\\streets\\a_1_leftImg8bit.png",
        "imageData": None,
        "imageHeight": HEIGHT,
        "imageWidth": WIDTH,
        **more,
    }


def coco_runs(mask: np.ndarray) -> list[int]:
    """Return the lengths of runs of a mask, column by column, the first one outside."""
    flat = np.concatenate([[False], mask.T.ravel()])
    edges = np.flatnonzero(flat[1:] != flat[:-1])
    return np.diff([0, *edges, mask.size]).tolist()


def coco_text(runs: list[int]) -> str:
    """Return runs in COCO's compressed form."""
    text = ""
    for at, run in enumerate(runs):
        number = run - runs[at - 2] if at > 2 else run
        while True:
            group, number = number & 31, number >> 5
            more = number != (-1 if group & 16 else 0)
            text += chr(group + 32 * more + 48)
            if not more:
                break
    return text


def coco(*objects: dict, **image) -> dict:
    if not objects:
        road = {"category_id": 7, "segmentation": [[0, 0, 2, 0, 2, 3, 0, 3]]}
        car = {"category_id": 26, "segmentation": {"size": [3, 4], "counts": coco_runs(CAR)}}
        objects = (road, car)
    entry = {"id": 5, "file_name": "images/a_1.png", "height": HEIGHT, "width": WIDTH, **image}
    return {
        "images": [entry],
        "categories": [{"id": 7, "name": "road"}, {"id": 26, "name": "car"}],
        "annotations": [{"id": n, "image_id": 5, **item} for n, item in enumerate(objects)],
    }


CVAT_SHAPES = """
<box label="car" xtl="1" ytl="2" xbr="3" ybr="3" z_order="1"/>
<polygon label="road" points="0,0;2,0;2.0,3.0;0,3" z_order="0"></polygon>
"""


def cvat_xml(shapes: str = CVAT_SHAPES, image: str = 'name="streets/a_1_leftImg8bit.png"') -> bytes:
    return f"""<?xml version="1.0" encoding="utf-8"?>
<annotations><version>1.1</version><meta><task><id>1</id></task></meta>
<image id="0" {image} width="{WIDTH}" height="{HEIGHT}">{shapes}</image>
</annotations>""".encode()


CVAT_ROAD = {"type": "polygon", "label": "road", "points": [0, 0, 2, 0, 2.0, 3.0, 0, 3]}
CVAT_CAR = {"type": "mask", "label": "car", "points": [0, 2, 1, 2, 2, 2], "z_order": 1}


def cvat_frame(*shapes: dict, **more) -> dict:
    return {
        "name": "a_1.png",
        "width": WIDTH,
        "height": HEIGHT,
        "job": 7,
        "annotator": "eve",
        "updated": "2026-01-02T03:04:05.678900Z",
        "deleted": False,
        "tracks": 0,
        "shapes": list(shapes or (CVAT_CAR, CVAT_ROAD)),
        **more,
    }


def cvat_frames(*frames: dict) -> dict:
    return {"cvat_frames": list(frames or [cvat_frame()])}


def photo() -> bytes:
    return cv2.imencode(".png", np.arange(36, dtype=np.uint8).reshape(3, 4, 3))[1].tobytes()
