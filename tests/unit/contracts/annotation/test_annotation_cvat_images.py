import numpy as np
import pytest

from components.contracts.annotation import KnownImages, Limits, read_bytes
from tests.support.annotation_files import EXPECTED, cvat_xml, only

KNOWN = KnownImages({"a_1": (3, 4), "my street": (3, 4)})


def read(data: bytes, images: KnownImages = KNOWN):
    return read_bytes("annotations.xml", data, Limits(), "eve", images)


def test_cvat_images_paints_by_z_order_and_then_by_the_order_of_the_file():
    annotation = only(read(cvat_xml()))
    assert (annotation.image_id, annotation.annotator) == ("a_1", "eve")
    np.testing.assert_array_equal(annotation.train_ids, EXPECTED)
    flat = cvat_xml().replace(b'z_order="1"', b'z_order="0"')
    assert only(read(flat)).train_ids[2, 1] == 0
    assert only(read(cvat_xml().replace(b'z_order="1"', b'z_order="-1"'))).train_ids[2, 1] == 0


def test_cvat_images_paints_masks_and_ellipses_and_leaves_out_what_has_no_area():
    shapes = """
    <mask label="car" rle="1, 2, 1, 2" left="1" top="1" width="3" height="2" z_order="0"/>
    <polyline label="unicorn" points="0,0;4,3"/><points label="pole" points="1,1"/><tag label="wet"/>
    """
    expected = [[255] * 4, [255, 255, 13, 13], [255, 255, 13, 13]]
    assert only(read(cvat_xml(shapes))).train_ids.tolist() == expected
    ellipse = '<ellipse label="sky" cx="2" cy="1.5" rx="2" ry="1.5" rotation="180"/>'
    corners = only(read(cvat_xml(ellipse))).train_ids[[0, 0, 2, 2], [0, 3, 0, 3]]
    assert (corners == 255).all()
    assert only(read(cvat_xml(ellipse))).train_ids[1, 1] == 10


def test_cvat_images_turns_a_box_around_its_centre():
    box = '<box label="car" xtl="0" ytl="1" xbr="3" ybr="2" rotation="90"/>'
    assert only(read(cvat_xml(box))).train_ids.tolist() == [[255, 13, 255, 255]] * 3


def test_cvat_images_fills_an_outline_that_crosses_itself_as_the_editor_shows_it():
    around = "0,0;4,0;4,3;0,3"
    twice = f'<polygon label="car" points="{around};{around}"/>'
    assert (only(read(cvat_xml(twice))).train_ids == 13).all()


def test_cvat_images_finds_a_known_image():
    named = cvat_xml(image='name="my_street.png"')
    assert only(read(named)).image_id == "my street"
    assert only(read(cvat_xml(image='name="c_3.jpg"'))).image_id == "c_3"


def test_cvat_images_leaves_out_images_without_shapes():
    assert "no finished annotations" in read(cvat_xml("")).refusals[0].reason


@pytest.mark.parametrize(
    ("shapes", "reason"),
    [
        ('<polygon label="unicorn" points="0,0;2,0;2,3"/>', "unicorn"),
        ('<polygon label="car" points="0,0;2;2,3"/>', "x and y"),
        ('<polygon label="car" points="0,0;x,3"/>', '"x"'),
        ('<polygon label="car" points="0,0;nan,3;1,1"/>', "Expected a number"),
        ('<box label="car" xtl="1" ytl="1" xbr="3"/>', "ybr"),
        ('<mask label="car" rle="1,2" left="1" top="1" width="3" height="2"/>', "damaged"),
        ('<mask label="car" rle="6" left="2" top="1" width="3" height="2"/>', "width"),
        ('<mask label="car" rle="x" left="0" top="0" width="3" height="2"/>', "damaged"),
        ('<cuboid label="car" xtl1="1"/>', '"cuboid"'),
        ('<polygon label="car" points="0,0;2,0;2,3" z_order="high"/>', "z_order"),
    ],
)
def test_cvat_images_rejects_an_image_with_a_shape_that_it_cannot_paint(shapes, reason):
    other = b'<image id="1" name="b_2.png" width="4" height="3">' + (
        b'<box label="car" xtl="0" ytl="0" xbr="4" ybr="3"/></image></annotations>'
    )
    batch = read(cvat_xml(shapes).replace(b"</annotations>", other))
    assert [a.image_id for a in batch.annotations] == ["b_2"]
    assert reason in batch.refusals[0].reason
    assert "a_1_leftImg8bit.png" in batch.refusals[0].name


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (cvat_xml()[:-30], "cut off"),
        (b"<annotations><track id='0'/></annotations>", "video"),
        (b"<annotation><object/></annotation>", "Pascal VOC"),
        (b"<!DOCTYPE x [<!ENTITY a 'aaaa'>]><annotations>&a;</annotations>", "document type"),
        (b"<\xff\xff/>", "cannot be read"),
    ],
)
def test_other_xml_is_rejected_with_a_reason(data, reason):
    batch = read(data)
    assert batch.annotations == ()
    assert reason in batch.refusals[0].reason
