import io
import json
import tarfile

import cv2
import numpy as np
import pytest

from components.contracts.annotation import Limits, read_bytes
from components.contracts.annotation.png_mask import write

MAP = np.array([[0, 13], [255, 18]], np.uint8)


def picture(ending: str) -> bytes:
    return cv2.imencode(ending, np.zeros((8, 8, 3), np.uint8))[1].tobytes()


def tar(mode: str) -> bytes:
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode=f"w:{mode}") as archive:
        archive.addfile(tarfile.TarInfo("a_labelIds.png"))
    return stream.getvalue()


@pytest.mark.parametrize(
    ("name", "data", "reason"),
    [
        ("a_labelIds.png", picture(".jpg"), "a JPEG image"),
        ("a_labelIds.tif", picture(".tif"), "a TIFF image"),
        ("a_labelIds.bmp", picture(".bmp"), "a BMP image"),
        ("a_labelIds.webp", picture(".webp"), "a WebP image"),
        ("a_labelIds.gif", b"GIF89a", "a GIF image"),
        ("a_labelIds.avif", b"\0\0\0 ftypavif", '"avif"'),
        ("a.npy", b"\x93NUMPY\1\0", "a NumPy array"),
        ("masks.tar", tar(""), "a tar archive"),
        ("masks.tar.gz", tar("gz"), "gzip"),
        ("masks.tar.xz", tar("xz"), "xz"),
        ("masks.tar.bz2", tar("bz2"), "bzip2"),
        ("masks.7z", b"7z\xbc\xaf\x27\x1c\0\4", "7z"),
        ("masks.rar", b"Rar!\x1a\7", "RAR"),
        ("export.json", b"<!DOCTYPE html><html>sign in", "web page"),
        ("export.json", b"<html>sign in", "web page"),
        ("export.csv", b"a,b\n1,2\n", "a table (CSV)"),
        ("export", b'annotation_id,annotator,image\n1,2,"x"', "a table (CSV)"),
        ("a_labelIds.png", b"version https://git-lfs.github.com/spec/v1", "git lfs pull"),
        ("labels.ndjson", b'{"a": 1}\n{"a": 2}\n', "JSON lines"),
        ("notes.txt", b"hello", "format of this file is unknown"),
        ("task-1-annotation-2-by-3-tag-car-0.png", write(MAP), "export format JSON"),
        ("a_instanceIds.png", write(MAP), "_labelIds.png"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",  # an archive holds the time
)
def test_file_of_another_format_is_named_with_what_to_do(name, data, reason):
    batch = read_bytes(name, data, Limits())
    assert batch.annotations == ()
    assert reason in batch.refusals[0].reason


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        ({"categories": {"label": {}}, "items": []}, "Datumaro"),
        ({"_via_settings": {}, "_via_img_metadata": {}}, "VIA"),
        ({"type": "FeatureCollection", "features": []}, "GeoJSON"),
        ({"frames": [], "fps": 10}, 'the keys "frames", "fps"'),
        ([{"image_id": 1, "category_id": 2, "segmentation": {}}], "results"),
        ({"images": [], "categories": [], "annotations": [{"segments_info": []}]}, "panoptic"),
        ("text", '"text"'),
    ],
)
def test_json_of_another_format_is_named(value, reason):
    batch = read_bytes("a.json", json.dumps(value).encode(), Limits())
    assert batch.annotations == ()
    assert reason in batch.refusals[0].reason
