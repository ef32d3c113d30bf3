import json

import numpy as np
import pytest

from components.contracts.annotation import KnownImages, Limits, read_bytes
from components.contracts.annotation.label_studio.rle import encode_mask
from tests.support.annotation_files import bitmask_url, png_text

SIZE = {"original_width": 8, "original_height": 6}
ALL = np.ones((6, 8), bool)


def region(kind: str, label: str = "car", size: dict = SIZE, **value) -> dict:
    return {"id": kind, "type": kind, "value": {**value, kind: [label]}, **size}


def brush(label: str, mask: np.ndarray = ALL, size: dict = SIZE) -> dict:
    return region("brushlabels", label, size, format="rle", rle=list(encode_mask(mask)))


def rectangle(**more) -> dict:
    return region("rectanglelabels", x=25, y=50, width=50, height=50, rotation=0, **more)


def read(*results: dict, images: KnownImages | None = None, **data):
    task = {"data": {"image_id": "a_1", **data}, "annotations": [{"result": list(results)}]}
    images = images or KnownImages()
    return read_bytes("export.json", json.dumps([task]).encode(), Limits(), images=images)


def painted(*results: dict, **more) -> np.ndarray:
    batch = read(*results, **more)
    assert batch.refusals == ()
    return batch.annotations[0].train_ids


BOX = np.zeros((6, 8), bool)
BOX[3:, 2:6] = True


@pytest.mark.parametrize(
    "prompt",
    [
        region("keypointlabels", "unicorn", {}, x=20, y=70, width=0.2),
        region("keypointlabels", format="rle", rle=list(encode_mask(ALL))),
        region("rectanglelabels", format="rle", rle=list(encode_mask(ALL))),
        region("rectanglelabels", format="rle", rle=list(encode_mask(ALL)), x=1, y=1, width=9),
        region("rectanglelabels"),
        region("ellipselabels", format="rle", rle=[0]),
        {"type": "labels", "value": {"x": 1, "y": 2, "width": 0.4, "labels": ["car", "bus"]}},
        {"type": "keypoint", "value": {"x": 1, "y": 2, "width": 0.4}, **SIZE},
        {"type": "relation", "from_id": "a", "to_id": "b"},
        {"type": "choices", "value": {"choices": ["rain"]}},
    ],
)
def test_prompts_and_what_is_no_region_paint_nothing_beside_masks(prompt):
    for results in ((brush("road"), prompt), (prompt, brush("road"))):
        assert (painted(*results) == 0).all()


def test_rectangle_covers_its_pixels():
    np.testing.assert_array_equal(painted(brush("road"), rectangle()), np.where(BOX, 13, 0))
    bare = {**rectangle(), "type": "rectangle", "id": "r"}
    bare["value"] = {k: v for k, v in bare["value"].items() if k != "rectanglelabels"}
    labeled = {**bare, "type": "labels", "value": {**bare["value"], "labels": ["car"]}}
    np.testing.assert_array_equal(painted(bare, labeled), np.where(BOX, 13, 255))


def test_rectangle_turns_clockwise_around_its_upper_left_corner_in_pixels():
    turned = region("rectanglelabels", x=50, y=0, width=50, height=50, rotation=90)
    expected = np.full((6, 8), 255)
    expected[:4, 1:4] = 13
    np.testing.assert_array_equal(painted(turned), expected)


def test_ellipse_covers_its_pixels():
    train_ids = painted(region("ellipselabels", x=50, y=50, radiusX=50, radiusY=50, rotation=0))
    assert (train_ids[[0, 0, 5, 5], [0, 7, 0, 7]] == 255).all()
    assert (train_ids[1:5, 1:7] == 13).all()
    line = region("ellipselabels", x=50, y=50, radiusX=50, radiusY=20, rotation=90)
    assert (painted(line)[:, 3:5] == 13).all()


def test_bitmask_covers_its_opaque_pixels():
    mask = region("bitmasklabels", imageDataURL=bitmask_url(BOX))
    np.testing.assert_array_equal(painted(brush("road"), mask), np.where(BOX, 13, 0))


def test_polygon_that_crosses_itself_is_filled_as_the_editor_shows_it():
    square = [[0, 0], [100, 0], [100, 100], [0, 100]]
    assert (painted(region("polygonlabels", points=square * 2)) == 13).all()


@pytest.mark.parametrize(
    ("result", "reason"),
    [
        (region("bitmasklabels", imageDataURL=bitmask_url(ALL.T)), "6x8 pixels"),
        (region("bitmasklabels", imageDataURL=png_text(ALL.astype(np.uint8))), "transparent"),
        (region("bitmasklabels", imageDataURL="data:image/png;base64,####"), "Base64"),
        (region("bitmasklabels", imageDataURL=bitmask_url(BOX)[:-9]), "Base64"),
        (region("bitmasklabels", imageDataURL=None), "Base64"),
        (region("rectanglelabels", x=0, y=0, width=-5, height=5), "width"),
        (region("rectanglelabels", x=0, y=0, width=5), "height"),
        (region("ellipselabels", x=0, y=0, radiusX=5), "radiusY"),
        (rectangle(label="unicorn"), "unicorn"),
        ({**rectangle(), "image_rotation": 90}, "rotated"),
        (region("vectorlabels", vertices=[]), '"vectorlabels"'),
        (region("videorectangle", sequence=[]), '"videorectangle"'),
        ({"type": "rectangle", "value": {"x": 1, "y": 1, "width": 2, "height": 3}}, "no class"),
    ],
)
def test_region_that_cannot_be_painted_rejects_the_annotation(result, reason):
    batch = read(brush("road"), result)
    assert batch.annotations == ()
    assert reason in batch.refusals[0].reason


def test_size_that_no_region_records_is_that_of_the_known_image():
    images = KnownImages({"a_1": (6, 8)})
    bare = brush("road", size={})
    assert (painted(bare, images=images) == 0).all()
    assert (painted(bare, height=6, width=8) == 0).all()
    assert "records the size" in read(bare).refusals[0].reason
    null = brush("road", size={"original_width": None, "original_height": None})
    assert (painted(null, images=images) == 0).all()
    assert (painted(bare, brush("sky")) == 10).all()


def test_regions_on_several_images_of_a_task_are_rejected():
    first, second = ({**brush("road"), "to_name": name} for name in ("left", "right"))
    assert "several images" in read(first, second).refusals[0].reason
    assert "several images" in read({**first, "item_index": 1}).refusals[0].reason
    assert (painted({**first, "item_index": 0}, brush("road")) == 0).all()
    prompt = region("keypointlabels", x=1, y=1, width=1) | {"to_name": "right"}
    assert (painted(first, prompt) == 0).all()
