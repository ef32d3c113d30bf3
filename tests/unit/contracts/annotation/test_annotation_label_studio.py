import json
from xml.etree import ElementTree

import numpy as np
import pytest

from components.contracts.annotation import Limits, read_bytes
from components.contracts.annotation.fill import fill_polygon
from components.contracts.annotation.label_studio import labeling_config, write_task
from components.contracts.annotation.rle import encode_mask
from tfds_cityscapes.labels import CLASS_NAMES

SIZE = {"original_width": 8, "original_height": 6}


def brush(label: str, mask: np.ndarray, **more) -> dict:
    value = {"format": "rle", "rle": list(encode_mask(mask)), "brushlabels": [label]}
    return {"type": "brushlabels", "value": value, **SIZE, **more}


def polygon(label: str, points: list, **more) -> dict:
    value = {"points": points, "closed": True, "polygonlabels": [label]}
    return {"type": "polygonlabels", "value": value, **SIZE, **more}


def task(*annotations: dict, **data) -> dict:
    return {"id": 1, "data": {"image_id": "a_1", **data}, "annotations": list(annotations)}


def by(who: object, *results: dict, **more) -> dict:
    return {"completed_by": who, "result": list(results), **more}


def read(*tasks: object):
    return read_bytes("export.json", json.dumps(list(tasks)).encode(), Limits())


def only(batch):
    assert batch.refusals == ()
    (annotation,) = batch.annotations
    return annotation


ALL = np.ones((6, 8), bool)
LEFT = ALL & (np.arange(8) < 4)


def test_a_prediction_that_was_accepted_unchanged_comes_back_as_it_was():
    train_ids = np.random.default_rng(0).integers(0, 19, (6, 8)).astype(np.uint8)
    train_ids[2:4, 3:5] = 255
    out = write_task("a_1", "http://host/a_1.png", train_ids, "model 7", 0.5, {"reason": "unsure"})
    out = json.loads(json.dumps(out))
    assert out["data"]["reason"] == "unsure"
    assert out["predictions"][0]["score"] == 0.5
    out["annotations"] = [by(3, *out.pop("predictions")[0]["result"])]
    annotation = only(read(out))
    assert (annotation.image_id, annotation.annotator) == ("a_1", "3")
    np.testing.assert_array_equal(annotation.train_ids, train_ids)


def test_the_config_names_the_19_classes_in_their_colours_for_brush_and_polygon():
    root = ElementTree.fromstring(labeling_config())
    for tag in ("BrushLabels", "PolygonLabels"):
        (tool,) = root.iter(tag)
        assert tuple(label.get("value") for label in tool) == CLASS_NAMES
        assert tool[0].get("background") == "#804080"
    results = write_task("a", "u", np.zeros((2, 2), np.uint8))["predictions"][0]["result"]
    assert results[0]["from_name"] in {tool.get("name") for tool in root.iter("BrushLabels")}
    assert results[0]["to_name"] == next(root.iter("Image")).get("name")


def test_later_strokes_cover_earlier_ones():
    annotation = only(read(task(by(1, brush("road", ALL), brush("car", LEFT)))))
    np.testing.assert_array_equal(annotation.train_ids, np.where(LEFT, 13, 0))
    annotation = only(read(task(by(1, brush("car", LEFT), brush("road", ALL)))))
    assert (annotation.train_ids == 0).all()


def test_polygons_in_percent_cover_the_pixels_whose_centre_they_hold():
    left = [[0, 0], [50, 0], [50, 100], [0, 100]]
    right = [[50, 0], [100, 0], [100, 100], [50, 100]]
    annotation = only(read(task(by(1, polygon("sky", right), polygon("person", left)))))
    np.testing.assert_array_equal(annotation.train_ids, np.where(LEFT, 11, 10))


def test_two_triangles_share_a_square_without_gap_or_overlap():
    upper = fill_polygon(20, 30, np.array([[0, 0], [30, 0], [30, 20.0]]))
    lower = fill_polygon(20, 30, np.array([[0, 0], [30, 20], [0, 20.0]]))
    assert (upper ^ lower).all()
    assert upper.sum() == 300


def test_every_annotator_of_a_task_gives_an_annotation_and_skipped_ones_are_told():
    batch = read(
        task(
            by(1, brush("road", ALL), created_at="2026-01-02T10:00:00Z"),
            by({"id": 2, "email": "eve@example.com"}, brush("car", ALL)),
            by(3, was_cancelled=True, comment="all black"),
        )
    )
    assert [a.annotator for a in batch.annotations] == ["1", "eve@example.com"]
    assert [a.created_at for a in batch.annotations] == ["2026-01-02T10:00:00.000000+00:00", None]
    assert [(s.image_id, s.annotator, s.why) for s in batch.skipped] == [("a_1", "3", "all black")]


def test_the_last_change_counts_in_whatever_time_zone_it_is_written():
    done = by(1, brush("road", ALL), created_at="2026-01-01", updated_at="2026-01-02T01:00+02:00")
    assert only(read(task(done))).created_at == "2026-01-01T23:00:00.000000+00:00"


@pytest.mark.parametrize("date", ["2026-13-45", "yesterday", "0001-01-01T00:00+05:00", 7, "9" * 99])
def test_a_date_that_is_none_costs_only_the_date(date):
    assert only(read(task(by(1, brush("road", ALL), created_at=date)))).created_at is None


@pytest.mark.parametrize(
    "image",
    [
        "http://host/images/berlin_1_2_leftImg8bit.png?v=3",
        "/data/upload/4/1a2b3c4d-berlin_1_2_leftImg8bit.png",
        "/data/local-files/?d=pool/berlin_1_2_leftImg8bit.png",
        "gs://bucket/pool/berlin_1_2.jpg",
        "berlin_1_2.png",
    ],
)
def test_without_an_image_id_the_file_name_of_the_image_tells_it(image):
    exported = task(by(1, brush("road", ALL)), image=image)
    del exported["data"]["image_id"]
    assert only(read(exported)).image_id == "berlin_1_2"


def test_the_name_of_a_class_may_be_written_a_little_differently():
    annotation = only(read(task(by(1, brush("Traffic_Light", ALL), brush("background", LEFT)))))
    np.testing.assert_array_equal(annotation.train_ids, np.where(LEFT, 255, 6))


def test_a_comment_on_the_image_and_an_abandoned_polygon_are_no_regions():
    comment = {"type": "textarea", "value": {"text": ["hard to see"]}}
    results = (brush("road", ALL), comment, polygon("car", [[1, 1], [9, 9]]))
    assert (only(read(task(by(1, *results)))).train_ids == 0).all()


def test_strokes_with_their_class_in_a_result_of_its_own_are_read():
    stroke = {"id": "x", "type": "brush", "value": brush("", ALL)["value"], **SIZE}
    del stroke["value"]["brushlabels"]
    labeled = {**stroke, "type": "labels", "value": {**stroke["value"], "labels": ["car"]}}
    assert (only(read(task(by(1, stroke, labeled)))).train_ids == 13).all()
    assert "no" in read(task(by(1, stroke))).refusals[0].reason


@pytest.mark.parametrize(
    ("result", "reason"),
    [
        (brush("unicorn", ALL), '"unicorn"'),
        ({"type": "rectanglelabels", "value": {"x": 1}, **SIZE}, "rectanglelabels"),
        (brush("car", ALL, image_rotation=90), "rotated"),
        (brush("car", ALL, original_width=9), "different sizes"),
        (brush("car", ALL, original_width=True), "width"),
        (brush("car", ALL, original_height=10**30), "huge"),
        (brush("car", np.ones((6, 9), bool)), "different sizes"),
        (polygon("car", [[0, 0], [1e9, 0], [3, 3]]), "between"),
        (polygon("car", [[0, 0], [float("nan"), 0], [3, 3]]), "number"),
        (polygon("car", [[0, 0], [4], [3, 3]]), "x and y"),
        ({**brush("car", ALL), "value": {"rle": [1, 999], "brushlabels": ["car"]}}, "0 to 255"),
        ({**brush("car", ALL), "value": {"rle": 10**9, "brushlabels": ["car"]}}, "list"),
        ({**brush("car", ALL), "value": {"rle": [], "brushlabels": ["a", "b"]}}, "one class"),
    ],
)
def test_a_bad_annotation_is_refused_and_the_good_one_beside_it_goes_in(result, reason):
    batch = read(task(by(1, result), by(2, brush("road", ALL))))
    assert [a.annotator for a in batch.annotations] == ["2"]
    (refusal,) = batch.refusals
    assert reason in refusal.reason
    assert "annotation 1, image a_1" in refusal.name


def test_sizes_no_image_has_are_refused_before_memory_is_taken():
    triangle = [[0, 0], [9, 0], [3, 3]]
    one = polygon("car", triangle, original_width=60_000, original_height=60_000)
    assert "60000x60000" in read(task(by(1, one))).refusals[0].reason
    some = by(1, polygon("car", triangle, original_width=2**12, original_height=2**12))
    data = json.dumps([task(some, some, some)]).encode()
    batch = read_bytes("export.json", data, Limits(max_batch_pixels=2**25))
    assert len(batch.annotations) == 2
    assert "in one file" in batch.refusals[0].reason


def test_an_annotation_with_nothing_painted_is_empty_or_refused_if_its_size_is_unknown():
    assert (only(read(task(by(1), height=6, width=8))).train_ids == 255).all()
    assert "nothing painted" in read(task(by(1))).refusals[0].reason


def test_results_of_two_image_sizes_are_refused():
    results = brush("road", ALL), brush("car", np.ones((6, 9), bool), original_width=9)
    assert "8x6 and 9x6" in read(task(by(1, *results))).refusals[0].reason


def test_the_short_export_is_refused_with_the_name_of_the_right_one():
    assert "JSON-MIN" in read({"id": 1, "image": "a.png", "tag": []}).refusals[0].reason


def test_tasks_nobody_has_finished_are_left_out_but_an_export_of_only_these_is_refused():
    assert len(read(task(), task(by(1, brush("road", ALL)))).annotations) == 1
    assert "none in this file" in read(task()).refusals[0].reason


@pytest.mark.parametrize(
    "image_id", ["../../etc/passwd", "a/b", "a\\b", ".hidden", "", 7, "x" * 999]
)
def test_an_image_id_that_is_no_plain_name_is_refused(image_id):
    batch = read(task(by(1, brush("road", ALL)), image_id=image_id))
    assert batch.annotations == ()
    assert "image id" in batch.refusals[0].reason
