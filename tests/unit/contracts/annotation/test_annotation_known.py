import json
import unicodedata
from contextlib import suppress

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from components.contracts.annotation import (
    KnownImages,
    Limits,
    cityscapes_polygons,
    cvat,
    label_studio,
    read_bytes,
)
from components.contracts.annotation.fields import checked_image_id
from components.contracts.annotation.model import AnnotationError
from components.contracts.annotation.png_mask import file_name, write

MAP = np.zeros((2, 3), np.uint8)


def known(*ids: str) -> KnownImages:
    return KnownImages(dict.fromkeys(ids, (2, 3)))


@pytest.mark.parametrize(
    ("found", "image_id"),
    [
        ("my street 1", "my street 1"),
        ("my_street_1", "my street 1"),
        ("plaza_1", "plaza (1)"),
        (unicodedata.normalize("NFD", "città"), "città"),
        ("7", "000007"),
        ("unknown 1", "unknown 1"),
        ("???", "???"),
    ],
)
def test_changed_name_resolves_to_the_one_image_that_it_fits(found, image_id):
    images = known("my street 1", "plaza (1)", "città", "000007", "!!!")
    assert images.resolve(found) == image_id


def test_equal_name_comes_before_one_that_only_fits():
    images = known("my street 1", "my_street_1")
    assert images.resolve("my_street_1") == "my_street_1"
    with pytest.raises(AnnotationError, match='"my street 1" or "my_street_1"'):
        images.resolve("my_street_1", altered=True)


IDS = st.text(st.sampled_from("ab1 _-().é"), min_size=1, max_size=6).filter(
    lambda image_id: image_id == image_id.strip(" .")
)


@given(st.sets(IDS, min_size=1, max_size=6), st.booleans())
@settings(max_examples=200, deadline=None)
def test_image_is_found_by_its_own_name_and_never_taken_for_another(ids, decomposed):
    images = known(*ids)
    for image_id in ids:
        assert images.resolve(image_id) == image_id
        name = unicodedata.normalize("NFD", image_id) if decomposed else image_id.replace(" ", "_")
        with suppress(AnnotationError):  # it fits several
            assert images.resolve(name, altered=True) == image_id


def test_name_that_fits_two_images_is_rejected_with_both():
    with pytest.raises(AnnotationError, match='"my street_1" or "my_street 1"'):
        known("my street_1", "my_street 1").resolve("my_street_1")


@pytest.mark.parametrize(
    ("name", "image_id"),
    [
        ("images/a_1_leftImg8bit.png", "a_1"),
        ("C:\\streets\\a_1.jpg", "a_1"),
        ("road_color.png", "road_color"),
        ("0a1b2c3d-a_1.png", "a_1"),
        ("0a1b2c3d-my_street.png", "my street"),
        ("0a1b2c3d-b.png", "0a1b2c3d-b"),
        ("/data/upload/1/0a1b2c3d-a_1_leftImg8bit.png", "a_1"),
        ("/data/upload/1/0a1b2c3d-z_9_leftImg8bit.png", "z_9"),
        ("ffffffff-z_9.png", "ffffffff-z_9"),
    ],
)
def test_image_s_own_file_name_gives_its_id(name, image_id):
    assert known("a_1", "road_color", "my street", "0a1b2c3d-b", "b").id_of_file(name) == image_id


def test_every_reader_resolves_names_of_masks():
    data = write(MAP)
    images = known("my street", "my_lane 2", "my lane_2")
    (annotation,) = read_bytes("my_street_trainIds.png", data, Limits(), images=images).annotations
    assert annotation.image_id == "my street"
    batch = read_bytes("my_lane_2_trainIds.png", data, Limits(), images=images)
    assert batch.annotations == ()
    assert '"my_lane 2"' in batch.refusals[0].reason


@pytest.mark.parametrize(
    "end",
    [
        "_labelIds",
        "_gtFine_labelIds",
        "_leftImg8bit_labelIds",
        "_leftImg8bit_gtFine_labelIds",
        "_leftImg8bit.png_labelIds",
        ".jpg_gtCoarse_labelIds",
    ],
)
def test_mask_s_name_may_hold_the_whole_name_of_the_image_s_file(end):
    (annotation,) = read_bytes(f"a_1{end}.png", write(MAP, "label_ids"), Limits()).annotations
    assert annotation.image_id == "a_1"


@pytest.mark.parametrize("image_id", ["photo", "photo.jpg", "photo.jpg.png", "p_leftImg8bit.jpg"])
@pytest.mark.parametrize("encoding", ["label_ids", "train_ids", "color"])
def test_mask_of_an_image_whose_id_ends_like_a_file_is_that_image_s(image_id, encoding):
    images = known("photo", "photo.jpg", "photo.jpg.png", "p", "p_leftImg8bit.jpg")
    name, data = file_name(image_id, encoding), write(MAP, encoding)
    (annotation,) = read_bytes(name, data, Limits(), images=images).annotations
    assert annotation.image_id == image_id


def test_mask_named_after_the_whole_name_of_the_image_s_file_is_found_without_that_id():
    images = known("photo", "street.jpg")
    for name, image_id in (("photo.jpg", "photo"), ("street.jpg.png", "street.jpg")):
        batch = read_bytes(file_name(name), write(MAP), Limits(), images=images)
        assert [a.image_id for a in batch.annotations] == [image_id]


def test_polygons_of_an_image_whose_id_ends_like_a_file_are_that_image_s():
    name = cityscapes_polygons.file_name("photo.jpg")
    images = known("photo", "photo.jpg")
    batch = read_bytes(name, cityscapes_polygons.write(MAP), Limits(), images=images)
    assert [a.image_id for a in batch.annotations] == ["photo.jpg"]


@pytest.mark.parametrize("blank", ["\u00a0", "\u202f", "\u3000", "\u00ad"])
def test_images_with_blanks_of_any_script_in_their_names_get_their_labels(blank):
    image_id = f"Screenshot 1.02{blank}PM"
    images = known(image_id, "a")
    exports = {
        file_name(image_id): write(MAP),
        cityscapes_polygons.file_name(image_id): cityscapes_polygons.write(MAP),
        "masks.zip": cvat.write([(image_id, MAP)]),
    }
    task = label_studio.write_task(image_id, "/data/upload/1/0a1b2c3d-x.png", MAP)
    task["annotations"] = [{"completed_by": 1, **task.pop("predictions")[0]}]
    exports["export.json"] = json.dumps([task]).encode()
    for name, data in exports.items():
        batch = read_bytes(name, data, Limits(), images=images)
        assert batch.refusals == (), name
        assert [a.image_id for a in batch.annotations] == [image_id], name


@pytest.mark.parametrize("char", ["\n", "\x85", "\u2028", "\udce9"])
def test_image_id_is_one_line(char):
    with pytest.raises(AnnotationError, match="Wrong value for an image id"):
        checked_image_id(f"a{char}b")
    assert checked_image_id("x" * 200)
    with pytest.raises(AnnotationError, match="at most 200 characters"):
        checked_image_id("x" * 201)
