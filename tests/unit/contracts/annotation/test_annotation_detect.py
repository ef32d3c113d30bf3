import json
import os
import stat
import zipfile

import cv2
import numpy as np
import pytest

from components.contracts.annotation import Limits, read_bytes, read_export
from components.contracts.annotation.cityscapes_polygons import write as write_polygons
from components.contracts.annotation.label_studio import write_task
from components.contracts.annotation.png_mask import file_name, write
from tests.support.annotation_files import zipped

MAP = np.array([[0, 13], [255, 18]], np.uint8)


def label_studio() -> bytes:
    task = write_task("a_1", "u", MAP)
    task["annotations"] = [{"completed_by": 1, **task.pop("predictions")[0]}]
    return json.dumps([task]).encode()


def read_zip(files: dict, **limits):
    return read_bytes("job.zip", zipped(files), Limits(**limits))


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("export.json", label_studio()),
        ("no ending", label_studio()),
        ("export.json", b"\xef\xbb\xbf" + label_studio()),
        ("export.json", label_studio().decode().encode("utf-16")),
        ("a_1_gtFine_polygons.json", write_polygons(MAP)),
        ("a_1_gtFine_labelIds.png", write(MAP, "label_ids")),
        ("a_1_gtFine_color.PNG", write(MAP, "color")),
        ("job.zip", zipped({"x/a_1_trainIds.png": write(MAP)})),
        ("job.zip", zipped({"one.json": label_studio()}, zipfile.ZIP_STORED)),
    ],
)
def test_detect_recognizes_each_format_by_its_content(tmp_path, name, data):
    (tmp_path / name).write_bytes(data)
    batch = read_export(tmp_path / name, Limits())
    assert batch.refusals == ()
    (annotation,) = batch.annotations
    assert annotation.image_id == "a_1"
    assert annotation.source.startswith(name)
    np.testing.assert_array_equal(annotation.train_ids, MAP)


def test_detect_counts_several_views_of_an_image_in_a_folder_once():
    files = {
        "gtFine/a/a_1_gtFine_color.png": write(np.zeros((2, 2), np.uint8), "color"),
        "gtFine/a/a_1_gtFine_instanceIds.png": write(MAP),
        "gtFine/a/a_1_gtFine_polygons.json": write_polygons(MAP * 0),
        file_name("gtFine/a/a_1", "label_ids"): write(MAP, "label_ids"),
        "eve/a_1_trainIds.png": write(MAP),
        "bob/b_1_instanceIds.png": write(MAP),
    }
    batch = read_zip(files)
    assert [a.source for a in batch.annotations] == [
        "job.zip/eve/a_1_trainIds.png",
        "job.zip/gtFine/a/a_1_gtFine_labelIds.png",
    ]
    assert [r.name for r in batch.refusals] == ["job.zip/bob/b_1_instanceIds.png"]


def test_detect_reports_a_broken_view_and_uses_the_next_one():
    files = {"a_1_labelIds.png": b"\x89PNG", "a_1_polygons.json": write_polygons(MAP)}
    batch = read_zip(files)
    assert len(batch.annotations) == len(batch.refusals) == 1


def test_zip_is_accepted_without_its_bad_parts():
    link = zipfile.ZipInfo("link_trainIds.png")
    link.external_attr = (stat.S_IFLNK | 0o777) << 16
    files = {
        "good_trainIds.png": write(MAP),
        "../up_trainIds.png": write(MAP),
        "/abs_trainIds.png": write(MAP),
        "c:\\disk_trainIds.png": write(MAP),
        "x/..\\..\\up2_trainIds.png": write(MAP),
        link: b"/etc/passwd",
        "notes.txt": "hello",
        "photo.jpg": b"\xff\xd8\xff",
        "inner.zip": zipped({"a_trainIds.png": write(MAP)}),
        "zeros.json": b"[" + b" " * 3 * 2**20,
        "__MACOSX/good_trainIds.png": b"junk that macOS adds",
        ".DS_Store": b"junk",
    }
    batch = read_zip(files)
    assert [a.image_id for a in batch.annotations] == ["good"]
    reasons = {refusal.name: refusal.reason for refusal in batch.refusals}
    expected = {
        "job.zip/../up_trainIds.png": "leads out",
        "job.zip//abs_trainIds.png": "leads out",
        "job.zip/c:/disk_trainIds.png": "leads out",
        "job.zip/x/../../up2_trainIds.png": "leads out",
        "job.zip/link_trainIds.png": "link",
        "job.zip/notes.txt": "format of this file is unknown",
        "job.zip/photo.jpg": "JPEG",
        "job.zip/inner.zip": "zip in a zip",
        "job.zip/zeros.json": "200 times",
    }
    assert reasons.keys() == expected.keys()
    for name, reason in expected.items():
        assert reason in reasons[name]


def test_zip_that_is_too_large_in_total_is_rejected():
    files = {f"a_{i}_trainIds.png": write(MAP) for i in range(5)}
    assert "at most 4 files" in read_zip(files, max_members=4).refusals[0].reason
    assert "unpacks to" in read_zip(files, max_unpacked_bytes=200).refusals[0].reason
    assert len(read_zip(files).annotations) == 5


def test_zip_that_lies_about_its_size_is_rejected():
    data = zipped({"a.json": b"[" + b" " * 5000})
    lying = data.replace((5001).to_bytes(4, "little"), (50).to_bytes(4, "little"))
    assert lying != data
    batch = read_bytes("job.zip", lying, Limits())
    assert batch.annotations == ()
    assert "damaged" in batch.refusals[0].reason


def test_encrypted_zip_is_rejected_with_a_reason():
    data = bytearray(zipped({"a_trainIds.png": write(MAP)}))
    data[6] |= 1
    data[data.index(b"PK\x01\x02") + 8] |= 1
    assert "password" in read_bytes("job.zip", bytes(data), Limits()).refusals[0].reason


def test_cityscapes_export_of_cvat_is_rejected_if_its_table_says_other_ids():
    files = {"label_colors.txt": "1 2 3 car", "gtFine/a/a_1_gtFine_labelIds.png": write(MAP)}
    batch = read_zip(files)
    assert batch.annotations == ()
    assert "Segmentation mask 1.1" in batch.refusals[0].reason


@pytest.mark.parametrize(
    ("name", "data", "reason"),
    [
        ("a.json", b"", "empty"),
        ("a.json", b"{}", "an empty object"),
        ("a.json", b"7", "7"),
        ("a.json", b"nothing", "JSON cannot be read"),
        ("a.json", b'{"images": [], "categories": []}', '"images", "categories"'),
        ("a.json", b"[" * 100_000, "nested"),
        ("a.json", b"[]", "no finished annotations"),
        ("a.json", b"[" + b"9" * 5000 + b"]", "cannot be read"),
        ("a.xml", b"<annotations/>", "no finished annotations"),
        ("a.xml", b"<a/>", '"a"'),
        ("a.zip", b"PK\x03\x04", "damaged"),
        ("a.zip", zipped({}), "no finished annotations"),
        ("a\n_trainIds.png", write(MAP), "image id"),
    ],
)
def test_other_files_are_rejected_with_a_reason(name, data, reason):
    batch = read_bytes(name, data, Limits())
    assert batch.annotations == ()
    assert reason in batch.refusals[0].reason


def test_links_folders_pipes_and_missing_or_large_files_are_rejected(tmp_path):
    good = tmp_path / "a_trainIds.png"
    good.write_bytes(write(MAP))
    (tmp_path / "link.png").symlink_to(good)
    os.mkfifo(tmp_path / "pipe.png")
    for path in (tmp_path, tmp_path / "link.png", tmp_path / "pipe.png"):
        assert "link, a folder or a device" in read_export(path, Limits()).refusals[0].reason
    assert "cannot be read" in read_export(tmp_path / "gone", Limits()).refusals[0].reason
    assert "cannot be read" in read_export(tmp_path / "a\0b", Limits()).refusals[0].reason
    assert "at most" in read_export(good, Limits(max_file_bytes=10)).refusals[0].reason
    assert "at most" in read_bytes("a", bytes(11), Limits(max_file_bytes=10)).refusals[0].reason


def classes_of(batch):
    assert batch.refusals == ()
    return {one.image_id: np.unique(one.train_ids).tolist() for one in batch.annotations}


ROBOFLOW = b"Pixel Value, Class\n0, background\n1, sky\n2, car\n"


@pytest.mark.parametrize(
    ("table", "content", "name", "image_id"),
    [
        ("_classes.csv", ROBOFLOW, "train/a_1_png.rf.0123456789abcdef0123456789abcdef_mask.png", "a_1"),
        ("_classes.csv", ROBOFLOW, "train/a_1_mask.png", "a_1"),
        ("label_colors.txt", b"0 0 0 background\n1 1 1 sky\n2 2 2 car", "gtFine/train/a/a_1.png", "a_1"),
        ("class_names.txt", b"_background_\nsky\ncar", "SegmentationClassPNG/a_1.png", "a_1"),
    ],
)  # fmt: skip
def test_table_in_a_zip_says_what_the_masks_of_its_folder_mean(table, content, name, image_id):
    folder = "train/" if table == "_classes.csv" else ""
    mask = cv2.imencode(".png", np.array([[0, 1, 2]], np.uint8))[1].tobytes()
    batch = read_zip({folder + table: content, name: mask, "train/a_1.jpg": b"\xff\xd8\xff"})
    assert classes_of(batch) == {image_id: [10, 13, 255]}


def test_table_beside_a_mask_in_a_folder_says_what_it_means(tmp_path):
    (tmp_path / "gt/train").mkdir(parents=True)
    (tmp_path / "gt/label_colors.txt").write_text("0 0 0 background\n9 9 9 sky\n")
    mask = tmp_path / "gt/train/a_1.png"
    cv2.imwrite(str(mask), np.array([[0, 1]], np.uint8))
    assert classes_of(read_export(mask, Limits())) == {"a_1": [10, 255]}
    table = read_export(tmp_path / "gt/label_colors.txt", Limits())
    assert "together with its masks, as one zip" in table.refusals[0].reason
    (tmp_path / "gt/label_colors.txt").write_text("nothing")
    assert "label_colors.txt cannot be read" in read_export(mask, Limits()).refusals[0].reason
