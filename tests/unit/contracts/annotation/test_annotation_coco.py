import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from components.contracts.annotation import KnownImages, Limits, read_bytes
from components.contracts.annotation.model import AnnotationError
from components.contracts.annotation.runs import decode_coco
from tests.support.annotation_files import EXPECTED, coco, coco_runs, coco_text, only

KNOWN = KnownImages({"a_1": (3, 4)})
SQUARE = [0, 0, 2, 0, 2, 3, 0, 3]


def read(content: dict, images: KnownImages = KNOWN):
    return read_bytes("result.json", json.dumps(content).encode(), Limits(), "eve", images)


def test_coco_paints_polygons_and_rle_in_the_order_of_the_file():
    annotation = only(read(coco()))
    assert (annotation.image_id, annotation.annotator) == ("a_1", "eve")
    np.testing.assert_array_equal(annotation.train_ids, EXPECTED)
    assert only(read(coco(*reversed(coco()["annotations"])))).train_ids[2, 1] == 0


@given(arrays(bool, st.tuples(st.integers(1, 9), st.integers(1, 70))))
@settings(max_examples=100, deadline=None)
def test_coco_rle_is_read_back_exactly_in_both_forms(mask):
    runs = coco_runs(mask)
    for counts in (runs, coco_text(runs)):
        value = {"size": list(mask.shape), "counts": counts}
        np.testing.assert_array_equal(decode_coco(value, *mask.shape), mask)


@pytest.mark.parametrize(
    ("text", "runs"),
    [
        (";320004", [11, 3, 2, 3, 2, 3, 6]),  # the difference counts from the fourth length on
        ("T32", [100, 2]),  # a number in two groups
        ("444L", [4, 4, 4, 0]),  # a negative difference
    ],
)
def test_coco_text_is_that_of_the_reference_implementation(text, runs):
    assert coco_text(runs) == text
    inside = decode_coco({"size": [sum(runs), 1], "counts": text}, sum(runs), 1)
    assert inside.ravel().tolist() == [n % 2 == 1 for n, run in enumerate(runs) for _ in range(run)]


@pytest.mark.parametrize(
    "counts", [[1, 2], [13], [-1, 13], "", "0", "~", "PPPPPPPPPPPPPPPPPPPPP", "é", None, 7, [1.5]]
)
def test_coco_rle_that_does_not_fill_the_image_is_rejected(counts):
    with pytest.raises(AnnotationError):
        decode_coco({"size": [3, 4], "counts": counts}, 3, 4)


def test_coco_rings_of_one_object_are_painted_together():
    rings = [[0, 0, 1, 0, 1, 3, 0, 3], [3, 0, 4, 0, 4, 3, 3, 3]]
    drawn = coco({"category_id": 7, "segmentation": rings})
    assert only(read(drawn)).train_ids.tolist() == [[0, 255, 255, 0]] * 3


@pytest.mark.parametrize(
    ("file_name", "expected"),
    [
        ("images/0a1b2c3d-a_1.png", "a_1"),
        ("images\\0a1b2c3d-a_1_leftImg8bit.jpg", "a_1"),
        ("a_1.png", "a_1"),
        ("train/b_2_leftImg8bit.png", "b_2"),
    ],
)
def test_coco_finds_the_image_by_the_name_of_its_file(file_name, expected):
    assert only(read(coco(file_name=file_name))).image_id == expected


def test_coco_without_a_size_uses_that_of_the_known_image():
    content = coco(height=None, width=None)
    np.testing.assert_array_equal(only(read(content)).train_ids, EXPECTED)
    assert "height" in read(content, KnownImages()).refusals[0].reason


def test_coco_image_without_objects_is_left_out():
    content = coco()
    content["images"].append({"id": 6, "file_name": "b_2.png", "height": 3, "width": 4})
    assert only(read(content)).image_id == "a_1"
    assert "no finished annotations" in read({**content, "annotations": []}).refusals[0].reason


@pytest.mark.parametrize(
    ("item", "reason"),
    [
        ({"category_id": 7, "segmentation": [], "bbox": [0, 0, 1, 1]}, "only a box"),
        ({"category_id": 8, "segmentation": [SQUARE]}, "list of categories"),
        ({"category_id": [], "segmentation": [SQUARE]}, "category_id"),
        ({"category_id": 7, "segmentation": [SQUARE[:-1]]}, "odd number"),
        ({"category_id": 7, "segmentation": {"size": [4, 3], "counts": [12]}}, "another size"),
        ({"category_id": 7, "segmentation": "x"}, "a list"),
    ],
)
def test_coco_rejects_an_image_with_an_object_that_it_cannot_paint(item, reason):
    content = coco(item)
    content["images"].append({"id": 6, "file_name": "b_2.png", "height": 3, "width": 4})
    good = {"image_id": 6, "category_id": 7, "segmentation": [SQUARE]}
    content["annotations"].append(good)
    batch = read(content)
    assert [a.image_id for a in batch.annotations] == ["b_2"]
    assert batch.refusals[0].name == "result.json: images/a_1.png"
    assert reason in batch.refusals[0].reason


def test_coco_pose_has_no_area():
    pose = {"category_id": 99, "segmentation": [], "keypoints": [1, 1, 2]}
    road = {"category_id": 7, "segmentation": [SQUARE]}
    assert (only(read(coco(road, pose))).train_ids[:, :2] == 0).all()


def test_coco_rejects_damaged_lists():
    twice = coco()
    twice["images"] *= 2
    assert "same id" in read(twice).refusals[0].reason
    lost = coco({"category_id": 7, "segmentation": [SQUARE], "image_id": 77})
    assert "list of images" in read(lost).refusals[0].reason
