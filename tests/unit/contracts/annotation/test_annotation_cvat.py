import io
import zipfile

import cv2
import numpy as np
import pytest

from components.contracts.annotation import KnownImages, Limits, read_bytes
from components.contracts.annotation.cvat import write
from components.contracts.annotation.png_mask import write as write_png
from tests.support.annotation_files import zipped

LABELMAP = "# label:color_rgb:parts:actions\nbackground:0,0,0::\nCar:10,20,30::\nroad:1,1,1::\n"


def rgb(rows: list) -> bytes:
    return cv2.imencode(".png", np.array(rows, np.uint8)[..., ::-1])[1].tobytes()


def read(data: bytes):
    return read_bytes("job.zip", data, Limits(), "eve")


MASK = rgb([[[0, 0, 0], [10, 20, 30], [1, 1, 1]]])


def test_cvat_reads_back_what_it_wrote():
    rng = np.random.default_rng(0)
    maps = {f"a_{i}": rng.choice(np.array([*range(19), 255], np.uint8), (5, 7)) for i in range(3)}
    batch = read(write(maps.items()))
    assert batch.refusals == ()
    assert [a.annotator for a in batch.annotations] == ["eve"] * 3
    assert {a.image_id for a in batch.annotations} == set(maps)
    for annotation in batch.annotations:
        np.testing.assert_array_equal(annotation.train_ids, maps[annotation.image_id])


def test_cvat_s_masks_have_the_names_of_their_images_whatever_these_end_in():
    ids = ["photo", "photo.jpg", "road", "road_color"]
    data = write((image_id, np.full((2, 3), i, np.uint8)) for i, image_id in enumerate(ids))
    images = KnownImages(dict.fromkeys(ids, (2, 3)))
    found = read_bytes("job.zip", data, Limits(), images=images).annotations
    assert {a.image_id: int(a.train_ids[0, 0]) for a in found} == {n: i for i, n in enumerate(ids)}


def test_cvat_writes_the_layout_that_cvat_imports():
    data = write([("a_1", np.zeros((2, 3), np.uint8))])
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        assert sorted(archive.namelist()) == [
            "ImageSets/Segmentation/default.txt",
            "SegmentationClass/a_1.png",
            "labelmap.txt",
        ]
        assert archive.read("ImageSets/Segmentation/default.txt") == b"a_1\n"
        lines = archive.read("labelmap.txt").decode().splitlines()
    assert lines[1:3] == ["background:0,0,0::", "road:128,64,128::"]
    assert len(lines) == 21
    assert data == write([("a_1", np.zeros((2, 3), np.uint8))])


def test_cvat_uses_the_colours_of_the_zips_own_table():
    batch = read(zipped({"labelmap.txt": LABELMAP, "SegmentationClass/a_1.png": MASK}))
    assert batch.annotations[0].train_ids.tolist() == [[255, 13, 0]]


def test_cvat_mask_with_one_channel_holds_lines_of_the_table():
    mask = cv2.imencode(".png", np.array([[0, 1, 2]], np.uint8))[1].tobytes()
    batch = read(zipped({"labelmap.txt": LABELMAP, "SegmentationClass/a_1.png": mask}))
    assert batch.annotations[0].train_ids.tolist() == [[255, 13, 0]]


def test_cvat_reads_several_tasks_with_their_own_tables_beside_other_masks():
    files = {
        "t1/labelmap.txt": LABELMAP,
        "t1/SegmentationClass/berlin/a_1.png": MASK,
        "t1/SegmentationObject/berlin/a_1.png": MASK,
        "t2\\labelmap.txt": LABELMAP.replace("Car", "bus"),
        "t2\\SegmentationClass\\a_2.png": MASK,
        "extra/a_3_trainIds.png": write_png(np.full((1, 1), 4, np.uint8)),
    }
    batch = read(zipped(files))
    assert batch.refusals == ()
    maps = {a.image_id: a.train_ids.tolist() for a in batch.annotations}
    assert maps == {"a_1": [[255, 13, 0]], "a_2": [[255, 15, 0]], "a_3": [[4]]}


def test_cvat_rejects_an_unknown_class_only_where_it_is_used():
    files = {
        "labelmap.txt": LABELMAP + "unicorn:9,9,9::\n",
        "SegmentationClass/a_1.png": MASK,
        "SegmentationClass/a_2.png": rgb([[[9, 9, 9]]]),
        "SegmentationClass/a_3.png": rgb([[[8, 8, 8]]]),
    }
    batch = read(zipped(files))
    assert [a.image_id for a in batch.annotations] == ["a_1"]
    unicorn, colour = batch.refusals
    assert unicorn.name == "job.zip/SegmentationClass/a_2.png"
    assert '"unicorn"' in unicorn.reason
    assert "(8, 8, 8)" in colour.reason


@pytest.mark.parametrize(
    "labelmap", ["", "car", "car:1,2::", "car:1,2,999::", "car:1,1,1::\nbus:1,1,1::"]
)
def test_cvat_rejects_a_table_that_makes_no_sense(labelmap):
    batch = read(zipped({"labelmap.txt": labelmap, "SegmentationClass/a_1.png": MASK}))
    assert batch.annotations == ()
    assert batch.refusals[0].name == "job.zip/labelmap.txt"
    assert "labelmap.txt" in batch.refusals[0].reason


def test_cvat_without_a_table_uses_the_cityscapes_colours():
    mask = write_png(np.array([[0, 13, 255]], np.uint8), "color")
    batch = read(zipped({"SegmentationClass/a_1.png": mask}))
    assert batch.annotations[0].train_ids.tolist() == [[0, 13, 255]]


def test_cvat_reads_one_channel_that_was_saved_as_three_equal_ones():
    labelmap = "background:0,0,0::\ncar:10,20,30::\nroad:7,7,7::\n"
    mask = rgb([[[2] * 3, [1] * 3, [0] * 3]])
    batch = read(zipped({"labelmap.txt": labelmap, "SegmentationClass/a_1.png": mask}))
    assert batch.annotations[0].train_ids.tolist() == [[0, 13, 255]]
