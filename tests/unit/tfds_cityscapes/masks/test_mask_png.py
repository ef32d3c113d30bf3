"""Decoding: every kind of PNG gives the same ids, and what is not a mask is rejected with what it is."""

import io

import numpy as np
import pytest
from PIL import Image

from tests.support.png_files import GRAY_ALPHA, PALETTE, RGB, RGB_ALPHA, grays, png
from tfds_cityscapes.masks import MaskError, read_label_ids
from tfds_cityscapes.masks.png import Png

IDS = np.array([[7, 8, 11], [23, 26, 33], [0, 24, 7]], np.uint8)  # label ids


def ids(data, name="a_labelIds.png", **more):
    return read_label_ids(name, data, **more)


def rgb(values, alpha=None):
    channels = [np.asarray(values)] * 3 + ([] if alpha is None else [np.asarray(alpha)])
    return np.stack(channels, axis=-1)


@pytest.mark.parametrize("interlaced", [False, True])
@pytest.mark.parametrize(
    ("samples", "depth", "kind"),
    [
        (IDS, 8, 0),
        (IDS.astype(np.uint16), 16, 0),
        (IDS.astype(np.uint16) * 257, 16, 0),  # 8 bits stretched to 16
        (rgb(IDS), 8, RGB),
        (rgb(IDS.astype(np.uint16) * 257), 16, RGB),
        (rgb(IDS, np.full((3, 3), 255)), 8, RGB_ALPHA),
        (np.stack([IDS, np.full((3, 3), 9)], axis=-1), 8, GRAY_ALPHA),
    ],
)
def test_ids_are_the_same_however_they_are_stored(samples, depth, kind, interlaced):
    np.testing.assert_array_equal(ids(png(samples, depth, kind, interlaced=interlaced)), IDS)


@pytest.mark.parametrize(("depth", "count"), [(1, 2), (2, 4), (4, 9), (8, 9)])
@pytest.mark.parametrize("interlaced", [False, True])
def test_gray_palette_of_an_optimizer_gives_its_gray_values(depth, count, interlaced):
    values = [26, 7, 33, 23, 8, 11, 24, 0, 21][:count]
    places = np.arange(72).reshape(8, 9) % count
    data = png(places, depth, PALETTE, palette=grays(*values), interlaced=interlaced)
    np.testing.assert_array_equal(ids(data), np.array(values)[places])


@pytest.mark.parametrize("depth", [2, 4])
def test_samples_of_few_bits_are_ids_if_their_gray_values_cannot_be(depth):
    raw = np.arange(12).reshape(3, 4) % 2**depth
    np.testing.assert_array_equal(ids(png(raw, depth)), raw)


@pytest.mark.parametrize(
    ("name", "depth"), [("a_labelIds.png", 4), ("a_trainIds.png", 4), ("a_trainIds.png", 1)]
)
def test_samples_of_few_bits_that_can_be_two_things_are_rejected_with_both(name, depth):
    # 1 of 4 bits is shown as 17, which is pole; 1 of 1 bit as 255, which is ignore.
    with pytest.raises(
        MaskError, match=r"in two ways.*-bit samples as stored.* or by the gray values"
    ):
        ids(png([[0, 1]], depth), name)


def test_chunks_about_colour_and_orientation_change_nothing():
    more = [(b"gAMA", bytes([0, 0, 1, 0])), (b"sRGB", b"\0"), (b"eXIf", b"MM\0*" + bytes(30))]
    np.testing.assert_array_equal(ids(png(IDS, more=more)), IDS)


@pytest.mark.parametrize(
    "data",
    [
        png(np.stack([IDS, np.where(IDS == 7, 0, 255)], axis=-1), 8, GRAY_ALPHA),
        png(rgb(IDS, np.where(IDS == 7, 0, 1)), 8, RGB_ALPHA),
        png(IDS, clear=b"\0\7"),  # as GDAL marks "no data"
        png(rgb(IDS), 8, RGB, clear=b"\0\7\0\7\0\7"),
        png(IDS, 8, PALETTE, palette=grays(*range(256)), clear=bytes([255] * 7 + [0])),
    ],
    ids=["gray alpha", "alpha", "tRNS gray", "tRNS colour", "tRNS palette"],
)
def test_erased_pixels_are_unlabeled(data):
    np.testing.assert_array_equal(ids(data), np.where(IDS == 7, 0, IDS))


def test_erased_pixels_may_hold_any_colour():
    samples = rgb(IDS, np.where(IDS == 7, 0, 255))
    samples[IDS == 7, :3] = (3, 200, 90)
    np.testing.assert_array_equal(ids(png(samples, 8, RGB_ALPHA)), np.where(IDS == 7, 0, IDS))


def test_mask_that_is_erased_everywhere_is_rejected():
    with pytest.raises(MaskError, match="Every pixel of the mask is transparent"):
        ids(png(rgb(IDS, IDS * 0), 8, RGB_ALPHA))


@pytest.mark.parametrize(
    ("format", "what"),
    [("JPEG", "JPEG"), ("GIF", "GIF"), ("BMP", "BMP"), ("TIFF", "TIFF"), ("WEBP", "WebP")],
)
def test_other_image_named_png_is_rejected_with_what_it_is(format, what):
    stream = io.BytesIO()
    Image.fromarray(IDS).save(stream, format)
    with pytest.raises(MaskError, match=f"not a PNG: it is a {what} image"):
        ids(stream.getvalue())


@pytest.mark.parametrize(
    ("data", "what"),
    [
        (b"", "empty"),
        (b"version https://git-lfs.github.com/spec/v1", "Git LFS"),
        (b"<!DOCTYPE html>", "web page"),
        (png(IDS).replace(b"\r\n", b"\n", 1), "transfer in text mode"),
        (png(IDS)[:-20], "cut off"),
        (png(IDS, 8, PALETTE, palette=grays(1, 2)), "place 33 of its palette"),
        (png(IDS, clear=b"\0"), "tRNS"),
    ],
)
def test_file_that_is_not_a_mask_is_rejected_with_what_it_is(data, what):
    with pytest.raises(MaskError, match=what):
        ids(data)


def test_photo_is_rejected_as_one():
    photo = np.random.default_rng(1).integers(0, 256, (80, 80, 3))
    with pytest.raises(MaskError, match="colours: a photo"):
        ids(png(photo, 8, RGB))


def test_instance_ids_are_rejected_with_the_file_to_use():
    with pytest.raises(MaskError, match=r"numbers objects.*_labelIds\.png"):
        ids(png([[7, 26001]], 16))


def test_size_is_checked_before_anything_is_decoded():
    with pytest.raises(MaskError, match="3x3, and at most 8 pixels"):
        ids(png(IDS), max_pixels=8)


@pytest.mark.parametrize("size", [(1, 1), (2, 5), (3, 1), (5, 9), (17, 8)])
@pytest.mark.parametrize("depth", [1, 2, 4, 8, 16])
def test_interlaced_samples_equal_those_of_the_plain_file(size, depth):
    rng = np.random.default_rng(depth)
    samples = rng.integers(0, 2**depth, size)
    for interlaced in (False, True):
        np.testing.assert_array_equal(
            Png(png(samples, depth, interlaced=interlaced)).samples(), samples
        )
