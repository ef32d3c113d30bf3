import json
import unicodedata
import zipfile

import numpy as np
import pytest

from components.contracts.annotation import KnownImages, Limits, read_bytes
from components.contracts.annotation.cityscapes_polygons import write as write_polygons
from components.contracts.annotation.label_studio import write_task
from components.contracts.annotation.png_mask import file_name, write
from tests.support.annotation_files import EXPECTED, coco, cvat_xml, labelme, photo, zipped

MAP = np.array([[0, 13], [255, 18]], np.uint8)


def read(files: dict, *known: str):
    images = KnownImages(dict.fromkeys(known, MAP.shape))
    return read_bytes("job.zip", zipped(files), Limits(), images=images)


def text(value: object) -> bytes:
    return json.dumps(value).encode()


def label_studio() -> bytes:
    task = write_task("my street", "/data/upload/1/0a1b2c3d-my_street.png", MAP)
    task["annotations"] = [{"completed_by": 1, **task.pop("predictions")[0]}]
    return text([task])


@pytest.mark.parametrize(
    "files",
    [
        {"result.json": text(coco()), "images/a_1.png": photo(), "images/a_2.png": photo()},
        {"result.json": text(coco()), "images/0a1b2c3d-a_1.png": photo()},
        {"annotations/instances_default.json": text(coco()), "Images/a_1.PNG": photo()},
        {"annotations.xml": cvat_xml(), "images/streets/a_1_leftImg8bit.png": photo()},
        {"a_1_leftImg8bit.json": text(labelme()), "a_1_leftImg8bit.png": photo()},
        {"labels/a_1.json": text(labelme()), "images/a_1_leftImg8bit.jpg": b"\xff\xd8\xff"},
    ],
)
def test_photos_beside_what_is_drawn_on_them_are_not_taken_for_masks(files):
    content = coco()
    content["images"].append({"id": 6, "file_name": "images/a_2.png", "height": 3, "width": 4})
    files = {n: text(content) if n == "result.json" else data for n, data in files.items()}
    batch = read(files, "a_1")
    assert batch.refusals == ()
    (annotation,) = batch.annotations
    assert annotation.image_id == "a_1"
    np.testing.assert_array_equal(annotation.train_ids, EXPECTED)


def test_two_images_whose_ids_differ_by_an_ending_are_no_views_of_one():
    ids = ("photo", "photo.jpg")
    files = {file_name(n, encoding): write(MAP, encoding)
             for n in ids for encoding in ("label_ids", "color")}  # fmt: skip
    batch = read(files, *ids)
    assert batch.refusals == ()
    assert [(a.image_id, a.source) for a in batch.annotations] == [
        ("photo.jpg", "job.zip/photo.jpg_gtFine_labelIds.png"),
        ("photo", "job.zip/photo_gtFine_labelIds.png"),
    ]


def test_photos_beside_label_studio_s_tasks_are_not_taken_for_masks():
    files = {"export.json": label_studio(), "images/my street.png": photo()}
    batch = read(files, "my street")
    assert batch.refusals == ()
    assert [a.image_id for a in batch.annotations] == ["my street"]


def test_photos_beside_xml_that_is_rejected_are_not_reported_as_well():
    voc = b"<annotation><object><bndbox/></object></annotation>"
    batch = read({"Annotations/a_1.xml": voc, "images/a_1.png": photo()})
    assert [r.name for r in batch.refusals] == ["job.zip/Annotations/a_1.xml"]


def test_masks_beside_drawings_are_read_as_well():
    files = {
        "a_1.json": text(labelme()),
        "by eve/a_1_trainIds.png": write(EXPECTED),
        "bob/b_2_gtFine_polygons.json": write_polygons(MAP),
        "carl/b_2.png": write(MAP),  # Cityscapes polygons come without photos
    }
    batch = read(files)
    assert sorted(a.image_id for a in batch.annotations) == ["a_1", "a_1", "b_2", "b_2"]


def as_on_a_mac(name: str) -> bytes:
    return unicodedata.normalize("NFD", name).encode()


def test_zip_of_a_mac_is_read():
    """macOS writes accents in two characters, and UTF-8 without the flag that says so."""
    names = {
        "XXXXX/AAAAAAA 1_trainIds.png": "Köl/citt\u00e0 1_trainIds.png",
        "__MACOSX/XXXXX/._AAAAAAA 1_trainIds.png": "__MACOSX/Köl/._citt\u00e0 1_trainIds.png",
        "XXXXX/.DS_Store": "Köl/.DS_Store",
    }
    data = zipped(dict.fromkeys(names, write(MAP)))
    for plain, accented in names.items():
        padding = b"m" * (len(plain) - len(as_on_a_mac(accented)))
        assert padding == b""
        data = data.replace(plain.encode(), as_on_a_mac(accented))
    batch = read_bytes("job.zip", data, Limits())
    assert batch.refusals == ()
    assert [a.image_id for a in batch.annotations] == ["citt\u00e0 1"]


def test_zip_of_windows_is_read():
    entry = zipfile.ZipInfo("x")
    entry.filename = "masks\\città\\a_1_trainIds.png"
    folder = zipfile.ZipInfo("y")
    folder.filename = "masks\\città\\"
    batch = read({folder: b"", entry: write(MAP), "masks/Thumbs.db": b"x", "./b_2_color.png":
                  write(MAP, "color")})  # fmt: skip
    assert batch.refusals == ()
    assert [a.image_id for a in batch.annotations] == ["b_2", "a_1"]
    assert batch.annotations[1].source == "job.zip/masks/città/a_1_trainIds.png"


def test_two_spellings_of_one_name_are_two_files_of_the_same_name():
    names = [unicodedata.normalize(form, "città_trainIds.png") for form in ("NFC", "NFD")]
    batch = read(dict.fromkeys(names, write(MAP)))
    assert len(batch.annotations) == 1
    assert "two files of this name" in batch.refusals[0].reason


def test_colon_in_a_name_is_not_a_drive():
    assert len(read({"12:30 frame_trainIds.png": write(MAP)}).annotations) == 1
    assert "leads out" in read({"C:/frame_trainIds.png": write(MAP)}).refusals[0].reason


@pytest.mark.parametrize(
    ("files", "reason"),
    [
        ({"task-12-annotation-7-by-1-tag-road-0.png": write(MAP)}, "choose the export format JSON"),
        ({"x/task-1-annotation-7-by-1-tag-a-0.npy": b"\x93NUMPY"}, "choose the export format JSON"),
        ({"classes.txt": "road", "labels/a_1.txt": "0 .1 .2 .3 .4", "notes.json": "{}"}, "YOLO"),
        ({"data.yaml": "names:", "labels/train/a_1.txt": "0 .1 .2 .3 .4 .5 .6"}, "YOLO"),
        ({"task.json": "{}", "annotations.json": "[]", "data/manifest.jsonl": ""}, "backup"),
        ({"SegmentationClass/a_1.png": write(MAP), "class_names.txt": "a"}, "labelme's VOC"),
    ],
)
def test_zip_that_loses_what_labels_need_is_rejected_once_with_the_export_to_use(files, reason):
    batch = read(files)
    assert batch.annotations == ()
    assert reason in batch.refusals[0].reason
    assert len(batch.refusals) == 1
