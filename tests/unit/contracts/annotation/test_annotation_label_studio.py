import json
from xml.etree import ElementTree

import numpy as np
import pytest

from components.contracts.annotation import Limits, read_bytes
from components.contracts.annotation.fill import paint_outline
from components.contracts.annotation.label_studio import labeling_config, write_task
from components.contracts.annotation.label_studio.rle import encode_mask
from tests.support.annotation_files import only
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


ALL = np.ones((6, 8), bool)
LEFT = ALL & (np.arange(8) < 4)


def test_label_studio_reads_an_unchanged_prediction_back_exactly():
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


def test_labeling_config_names_the_19_classes_for_brush_and_polygon():
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


def test_polygon_covers_the_pixels_whose_centre_is_inside():
    left = [[0, 0], [50, 0], [50, 100], [0, 100]]
    right = [[50, 0], [100, 0], [100, 100], [50, 100]]
    annotation = only(read(task(by(1, polygon("sky", right), polygon("person", left)))))
    np.testing.assert_array_equal(annotation.train_ids, np.where(LEFT, 11, 10))


def test_two_triangles_share_a_square_without_gap_or_overlap():
    square = np.zeros((20, 30), np.uint8)
    paint_outline(square, np.array([[0, 0], [30, 0], [30, 20.0]]), 1)
    assert (square == 1).sum() == 300
    square *= 2
    paint_outline(square, np.array([[0, 0], [30, 20], [0, 20.0]]), 1)
    assert sorted(np.unique(square, return_counts=True)[1]) == [300, 300]


def test_label_studio_reads_each_annotator_of_a_task_and_reports_skips():
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


def test_label_studio_uses_the_last_change_in_utc():
    done = by(1, brush("road", ALL), created_at="2026-01-01", updated_at="2026-01-02T01:00+02:00")
    assert only(read(task(done))).created_at == "2026-01-01T23:00:00.000000+00:00"


@pytest.mark.parametrize("date", ["2026-13-45", "yesterday", "0001-01-01T00:00+05:00", 7, "9" * 99])
def test_invalid_date_costs_only_the_date(date):
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
def test_label_studio_takes_a_missing_image_id_from_the_file_name(image):
    exported = task(by(1, brush("road", ALL)), image=image)
    del exported["data"]["image_id"]
    assert only(read(exported)).image_id == "berlin_1_2"


def test_class_name_may_be_written_a_little_differently():
    annotation = only(read(task(by(1, brush("Traffic_Light", ALL), brush("background", LEFT)))))
    np.testing.assert_array_equal(annotation.train_ids, np.where(LEFT, 255, 6))


def test_label_studio_ignores_a_comment_and_an_abandoned_polygon():
    comment = {"type": "textarea", "value": {"text": ["hard to see"]}}
    results = (brush("road", ALL), comment, polygon("car", [[1, 1], [9, 9]]))
    assert (only(read(task(by(1, *results)))).train_ids == 0).all()


def test_label_studio_finds_the_class_in_a_separate_result():
    stroke = {"id": "x", "type": "brush", "value": brush("", ALL)["value"], **SIZE}
    del stroke["value"]["brushlabels"]
    labeled = {**stroke, "type": "labels", "value": {**stroke["value"], "labels": ["car"]}}
    assert (only(read(task(by(1, stroke, labeled)))).train_ids == 13).all()
    assert "no" in read(task(by(1, stroke))).refusals[0].reason


@pytest.mark.parametrize(
    ("result", "reason"),
    [
        (brush("unicorn", ALL), '"unicorn"'),
        ({"type": "rectanglelabels", "value": {"x": 1, "labels": ["car"]}, **SIZE}, "the y of"),
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
def test_label_studio_rejects_a_bad_annotation_and_accepts_the_good_one_beside_it(result, reason):
    batch = read(task(by(1, result), by(2, brush("road", ALL))))
    assert [a.annotator for a in batch.annotations] == ["2"]
    (refusal,) = batch.refusals
    assert reason in refusal.reason
    assert "annotation 1, image a_1" in refusal.name


def test_impossible_sizes_are_rejected_before_memory_is_allocated():
    triangle = [[0, 0], [9, 0], [3, 3]]
    one = polygon("car", triangle, original_width=60_000, original_height=60_000)
    assert "60000x60000" in read(task(by(1, one))).refusals[0].reason
    some = by(1, polygon("car", triangle, original_width=2**12, original_height=2**12))
    data = json.dumps([task(some, some, some)]).encode()
    batch = read_bytes("export.json", data, Limits(max_batch_pixels=2**25))
    assert len(batch.annotations) == 2
    assert "in one file" in batch.refusals[0].reason


def test_annotation_with_nothing_painted_needs_a_known_size():
    assert (only(read(task(by(1), height=6, width=8))).train_ids == 255).all()
    assert "nothing painted" in read(task(by(1))).refusals[0].reason


def test_results_of_two_image_sizes_are_rejected():
    results = brush("road", ALL), brush("car", np.ones((6, 9), bool), original_width=9)
    assert "8x6 and 9x6" in read(task(by(1, *results))).refusals[0].reason


def test_short_export_is_rejected_with_the_name_of_the_right_one():
    assert "JSON-MIN" in read({"id": 1, "image": "a.png", "tag": []}).refusals[0].reason


def test_unfinished_tasks_are_left_out_and_rejected_if_there_is_nothing_else():
    assert len(read(task(), task(by(1, brush("road", ALL)))).annotations) == 1
    assert "no finished annotations" in read(task()).refusals[0].reason
    predicted = write_task("a_1", "u", np.zeros((2, 2), np.uint8))
    assert "no finished annotations" in read(predicted).refusals[0].reason


@pytest.mark.parametrize(
    "image_id", ["../../etc/passwd", "a/b", "a\\b", ".hidden", "", 7.5, "x" * 999]
)
def test_image_id_that_is_not_a_plain_name_is_rejected(image_id):
    batch = read(task(by(1, brush("road", ALL)), image_id=image_id))
    assert batch.annotations == ()
    assert "image id" in batch.refusals[0].reason
