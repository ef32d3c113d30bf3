import json

import numpy as np
import pytest
from cityscapesscripts.helpers.annotation import Annotation as TheirAnnotation
from cityscapesscripts.preparation.json2labelImg import createLabelImage
from hypothesis import given, settings
from hypothesis import strategies as st

from components.contracts.annotation import Limits, read_bytes
from components.contracts.annotation.cityscapes_polygons import file_name, write
from tests.support.annotation_files import only

NAME = "a_1_gtFine_polygons.json"


def square(x: int, y: int, side: int) -> list[list[int]]:
    far = side - 1
    return [[x, y], [x + far, y], [x + far, y + far], [x, y + far]]


def read(objects: list, height: object = 10, width: object = 12, name: str = NAME):
    content = {"imgHeight": height, "imgWidth": width, "objects": objects}
    return read_bytes(name, json.dumps(content).encode(), Limits(max_pixels=100_000), "eve")


@given(st.integers(1, 24), st.integers(1, 24), st.integers(2, 6), st.integers(0, 2**32))
@settings(max_examples=80, deadline=None)
def test_polygons_read_back_any_label_map_exactly(height, width, classes, seed):
    ids = np.array([0, 13, 255, 8, 18, 2], np.uint8)[:classes]
    train_ids = np.random.default_rng(seed).choice(ids, (height, width))
    batch = read_bytes(file_name("a_1"), write(train_ids), Limits())
    np.testing.assert_array_equal(only(batch).train_ids, train_ids)


def test_polygons_paint_the_label_map_of_the_benchmark(tmp_path):
    rng = np.random.default_rng(0)
    labels = ["road", "car", "cargroup", "sky", "license plate", "parking", "person"]
    objects = []
    for i in range(30):
        x, y = (int(v) for v in rng.integers(-5, 60, 2))
        objects.append(
            {
                "label": labels[i % len(labels)],
                "polygon": square(x, y, int(rng.integers(2, 20))),
                "deleted": int(i % 9 == 8),
            }
        )
    ours = only(read(objects, 50, 60)).train_ids
    path = tmp_path / NAME
    path.write_text(json.dumps({"imgHeight": 50, "imgWidth": 60, "objects": objects}))
    theirs = TheirAnnotation()
    theirs.fromJsonFile(str(path))
    np.testing.assert_array_equal(ours, np.asarray(createLabelImage(theirs, "trainIds")))


def test_later_objects_cover_earlier_ones_and_deleted_ones_are_left_out():
    annotation = only(
        read(
            [
                {"label": "road", "polygon": square(0, 0, 10)},
                {"label": "car", "polygon": square(2, 2, 4), "deleted": 0},
                {"label": "sky", "polygon": square(0, 0, 10), "deleted": 1},
            ]
        )
    )
    expected = np.full((10, 12), 255)
    expected[:, :10] = 0
    expected[2:6, 2:6] = 13
    np.testing.assert_array_equal(annotation.train_ids, expected)


def test_group_of_a_class_is_that_class_except_polegroup():
    annotation = only(read([{"label": "bicyclegroup", "polygon": square(0, 0, 10)}]))
    assert annotation.train_ids[0, 0] == 18
    annotation = only(read([{"label": "polegroup", "polygon": square(0, 0, 10)}]))
    assert annotation.train_ids[0, 0] == 255


def test_polygons_report_who_labeled_last_if_the_file_says_so():
    objects = [
        {"label": "car", "polygon": square(0, 0, 4), "user": "ann", "date": "2026-02-01T10:00:00"},
        {"label": "car", "polygon": square(0, 0, 4), "user": "bob", "date": "2026-01-01T10:00:00"},
    ]
    annotation = only(read(objects))
    assert annotation.annotator == "ann"
    assert annotation.created_at == "2026-02-01T10:00:00.000000+00:00"
    assert only(read([{"label": "car", "polygon": []}])).annotator == "eve"


@pytest.mark.parametrize("name", [NAME, "a_1.json", "a_1_polygons.json"])
def test_polygons_take_the_image_id_from_the_file_name(name):
    assert only(read([], name=name)).image_id == "a_1"


@pytest.mark.parametrize(
    ("objects", "height", "reason"),
    [
        ([{"label": "unicorn", "polygon": []}], 10, '"unicorn"'),
        ([{"label": "car", "polygon": [[0, 0], [1, 1], [10**9, 2]]}], 10, "between"),
        ([{"label": "car", "polygon": [[0, 0], [1, 1], ["3", 2]]}], 10, "number"),
        ([{"label": "car", "polygon": 3}], 10, "list"),
        ([{"label": None, "polygon": []}], 10, "nothing"),
        (["car"], 10, "object"),
        ({}, 10, "list"),
        ([], 0, "imgHeight"),
        ([], 10.5, "imgHeight"),
        ([], "10", "imgHeight"),
        ([], 10**12, "imgHeight"),
        ([], 2**15, "12x32768"),
    ],
)
def test_impossible_polygons_are_rejected_with_a_reason(objects, height, reason):
    batch = read(objects, height)
    assert batch.annotations == ()
    assert reason in batch.refusals[0].reason
