import json

import numpy as np
import pytest

from components.contracts.annotation import KnownImages, Limits, read_bytes
from tests.support.annotation_files import EXPECTED, HEIGHT, WIDTH, labelme, only, png_text

KNOWN = KnownImages({"a_1": (HEIGHT, WIDTH), "b 2": (5, 5)})


def read(content: dict, name: str = "a_1.json", images: KnownImages = KNOWN):
    return read_bytes(name, json.dumps(content).encode(), Limits(), "eve", images)


def shape(kind: str, points: list, **more) -> dict:
    return {"label": "car", "shape_type": kind, "points": points, **more}


def test_labelme_paints_its_shapes_in_order():
    annotation = only(read(labelme()))
    assert (annotation.image_id, annotation.annotator) == ("a_1", "eve")
    np.testing.assert_array_equal(annotation.train_ids, EXPECTED)
    shapes = labelme()["shapes"][::-1]
    assert only(read(labelme(shapes=shapes))).train_ids[2, 1] == 0


@pytest.mark.parametrize(
    ("image_path", "name", "expected"),
    [
        ("..\\streets\\a_1_leftImg8bit.png", "export.json", "a_1"),
        ("/home/eve/b 2.jpg", "whatever.json", "b 2"),
        ("b_2.jpg", "b_2.json", "b 2"),
        ("resized.png", "a_1_leftImg8bit.json", "a_1"),
        ("", "a_1.json", "a_1"),
        (None, "a_1.json", "a_1"),
        ("c_3.png", "d_4.json", "c_3"),
    ],
)
def test_labelme_finds_the_image_by_its_path_or_else_by_the_file(image_path, name, expected):
    assert only(read(labelme(imagePath=image_path), name)).image_id == expected


def test_labelme_rejects_a_path_and_a_file_name_of_two_known_images():
    batch = read(labelme(imagePath="b 2.png"), "a_1.json")
    assert batch.annotations == ()
    assert "b 2.png" in batch.refusals[0].reason
    assert "a_1.json" in batch.refusals[0].reason


def test_labelme_without_a_size_uses_that_of_the_known_image():
    old = labelme(imageHeight=None, imageWidth=None)
    np.testing.assert_array_equal(only(read(old)).train_ids, EXPECTED)
    assert "imageHeight" in read(old, images=KnownImages()).refusals[0].reason


def test_labelme_paints_a_mask_in_its_box():
    mask = np.array([[1, 0], [0, 1], [1, 1]], np.uint8)
    drawn = shape("mask", [[1.0, 0.0], [2.0, 2.0]], mask=png_text(mask))
    expected = np.full((HEIGHT, WIDTH), 255)
    expected[:, 1:3][mask == 1] = 13
    np.testing.assert_array_equal(only(read(labelme(shapes=[drawn]))).train_ids, expected)


def test_labelme_paints_circles_and_leaves_out_what_has_no_area():
    shapes = [
        shape("circle", [[2, 1.5], [2, 0.5]]),
        shape("line", [[0, 0], [4, 3]]),
        shape("linestrip", [[0, 0], [4, 3], [4, 0]], label="unicorn"),
        shape("point", [[0, 0]], label="prompt"),
    ]
    train_ids = only(read(labelme(shapes=shapes))).train_ids
    assert set(np.unique(train_ids)) == {13, 255}
    assert (train_ids[1, 1:3] == 13).all()
    assert (train_ids[:, [0, 3]] == 255).all()


@pytest.mark.parametrize(
    ("drawn", "reason"),
    [
        (shape("polygon", [[0, 0], [2, 0], [2, 3]], label="unicorn"), "unicorn"),
        (shape("cube", [[0, 0], [2, 0], [2, 3]]), '"cube"'),
        (shape("circle", [[0, 0]]), "2 were expected"),
        (shape("mask", [[0, 0], [1, 1]], mask="no PNG"), "Base64"),
        (shape("mask", [[0, 0], [1, 1]], mask=png_text(np.ones((3, 3), np.uint8))), "3x3"),
        (shape("mask", [[0, 0], [6, 6]], mask=png_text(np.ones((3, 3), np.uint8))), "inside"),
        (shape("polygon", None), "corners"),
    ],
)
def test_labelme_rejects_a_shape_that_it_cannot_paint(drawn, reason):
    batch = read(labelme(shapes=[drawn]))
    assert batch.annotations == ()
    assert reason in batch.refusals[0].reason
