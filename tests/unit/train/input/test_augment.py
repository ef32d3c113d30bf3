import cv2
import numpy as np
import pytest

from components.contracts.recipe.train import AugmentSettings
from components.train.input.augment import cutmix_box, strong, weak
from tfds_cityscapes.labels import IGNORE_LABEL

CROP = (48, 64)
STILL = AugmentSettings(scale=(1.0, 1.0), flip=False)
WILD = AugmentSettings(scale=(0.5, 2.0), cutmix_share=1.0)


def rng(seed=0):
    return np.random.default_rng(seed)


def scene(height=96, width=128, block=32):
    """Blocks of one class each; the image's red channel is 10 times the class."""
    label = rng(7).integers(0, 19, (height // block, width // block), dtype=np.uint8)
    label = label.repeat(block, 0).repeat(block, 1)
    return np.stack([label * 10, 255 - label * 10, np.full_like(label, 200)], -1), label


def test_weak_changes_the_image_together_with_its_label():
    image, label = scene()
    for seed in range(20):
        out, labels = weak(image, label, CROP, WILD, rng(seed))
        assert out.shape == (*CROP, 3)
        assert labels.shape == CROP
        # Away from the seams between blocks, where the image is a mixture.
        smallest, largest = cv2.erode(labels, np.ones((5, 5))), cv2.dilate(labels, np.ones((5, 5)))
        sure = (smallest == largest) & (labels != IGNORE_LABEL)
        assert sure.sum() > 100
        np.testing.assert_allclose(out[sure][:, 0], labels[sure] * 10.0, atol=2)


@pytest.mark.parametrize("shrink", [2, 3, 4, 7])
def test_weak_keeps_labels_on_their_pixels_when_it_shrinks(shrink):
    """A straight seam stays where the image has it: no shift by half a block."""
    height, width = CROP[0] * shrink, CROP[1] * shrink
    for seam in range(width // 3, width // 3 + shrink):
        label = np.zeros((height, width), np.uint8)
        label[:, seam:] = 1
        image = np.repeat(label[..., None] * 255, 3, -1)
        out, labels = weak(image, label, CROP, STILL, rng())
        assert (labels[0] == 0).sum() == pytest.approx(seam / shrink, abs=0.51)
        assert (out[0, :, 0] < 128).sum() == pytest.approx((labels[0] == 0).sum(), abs=1)


def test_weak_leaves_an_image_of_the_crops_size_unchanged_at_scale_one():
    image, label = scene(*CROP, block=16)
    out, labels = weak(image, label, CROP, STILL, rng())
    np.testing.assert_array_equal(out, image)
    np.testing.assert_array_equal(labels, label)


def test_weak_ignores_the_padding_and_nothing_else():
    small = AugmentSettings(scale=(0.5, 0.5), flip=False)
    image, label = scene(*CROP, block=16)
    out, labels = weak(image, label, CROP, small, rng())
    padding = labels == IGNORE_LABEL
    assert padding.mean() == pytest.approx(0.75)
    rows, columns = np.flatnonzero(~padding.all(1)), np.flatnonzero(~padding.all(0))
    assert (len(rows), len(columns)) == (24, 32)  # one rectangle: the whole image
    assert not padding[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1].any()
    assert len(np.unique(out[padding], axis=0)) == 1  # one colour, the image's mean
    np.testing.assert_allclose(out[padding][0], image.mean((0, 1)), atol=2)


def test_weak_marks_the_padding_of_an_image_without_a_label():
    small = AugmentSettings(scale=(0.5, 0.5))
    image, label = scene(*CROP, block=16)
    _, inside = weak(image, None, CROP, small, rng(3))
    _, labels = weak(image, label, CROP, small, rng(3))
    np.testing.assert_array_equal(inside == IGNORE_LABEL, labels == IGNORE_LABEL)
    assert set(np.unique(inside)) == {0, IGNORE_LABEL}


def test_weak_keeps_ignored_pixels_and_invents_no_class():
    image, label = scene()
    label[:48] = IGNORE_LABEL
    for seed in range(10):
        _, labels = weak(image, label, CROP, WILD, rng(seed))
        assert set(np.unique(labels)) <= set(np.unique(label))


def test_weak_mirrors_half_of_the_images():
    image, label = scene(*CROP, block=16)
    still = AugmentSettings(scale=(1.0, 1.0))
    mirrored = 0
    for seed in range(40):
        out, labels = weak(image, label, CROP, still, rng(seed))
        flipped = np.array_equal(out, image[:, ::-1])
        assert flipped or np.array_equal(out, image)
        assert np.array_equal(labels, label[:, ::-1] if flipped else label)
        mirrored += flipped
    assert 10 <= mirrored <= 30


def test_weak_brings_any_image_to_the_crops_size():
    for size in ((32, 300), (300, 32), (47, 63), (500, 700)):
        image = rng().integers(0, 256, (*size, 3), np.uint8)
        out, labels = weak(image, np.zeros(size, np.uint8), CROP, WILD, rng(1))
        assert out.shape == (*CROP, 3)
        assert out.dtype == labels.dtype == np.uint8


def test_weak_cuts_its_window_from_every_part_of_a_large_image():
    """Red is the row and green the column, so that each pixel says where it comes from."""
    rows, columns = np.mgrid[0:192, 0:256].astype(np.uint8)
    image = np.stack([rows, columns, np.zeros_like(rows)], -1)
    zoomed = AugmentSettings(scale=(2.0, 2.0), flip=False)  # half of the image fills the crop
    corners = []
    for seed in range(300):
        out, labels = weak(image, rows % 19, CROP, zoomed, rng(seed))
        top, left = out[0, 0, :2].astype(int)
        bottom, right = out[-1, -1, :2].astype(int)
        assert bottom - top == pytest.approx(96, abs=3)
        assert right - left == pytest.approx(128, abs=3)
        assert set(np.unique(labels)) <= set(range(19))
        corners.append((top, left))
    first, last = np.min(corners, 0), np.max(corners, 0)
    np.testing.assert_allclose(first, (0, 0), atol=3)
    np.testing.assert_allclose(last, (96, 128), atol=3)


@pytest.mark.parametrize("pixel", [(0, 0), (95, 127), (40, 100), (95, 3)])
def test_weak_holds_the_pixel_that_it_is_told_to_hold(pixel):
    label = np.full((96, 128), IGNORE_LABEL, np.uint8)
    row, column = pixel
    label[max(0, row - 3) : row + 4, max(0, column - 3) : column + 4] = 5
    for seed in range(30):
        _, labels = weak(np.zeros((96, 128, 3), np.uint8), label, CROP, WILD, rng(seed), pixel)
        assert (labels == 5).any()


def test_changes_depend_on_the_generator_alone():
    image, label = scene()
    for change in (
        lambda r: weak(image, label, CROP, WILD, r),
        lambda r: strong(image, WILD, r),
        lambda r: cutmix_box(CROP, WILD, r),
    ):
        one, same = change(rng(4)), change(rng(4))
        assert all(np.array_equal(a, b) for a, b in zip(one, same, strict=True))
        assert len({b"".join(part.tobytes() for part in change(rng(k))) for k in range(8)}) > 4


def test_strong_changes_colours_of_a_copy_and_no_geometry():
    image, _ = scene()
    before = image.copy()
    always = AugmentSettings(jitter_share=1.0, grey_share=0.0, blur_share=0.0)
    out = strong(image, always, rng(1))
    assert out.shape == image.shape
    assert out.dtype == np.uint8
    assert not np.array_equal(out, image)
    np.testing.assert_array_equal(image, before)
    # Geometry stays: pixels of one colour still have one colour.
    _, first = np.unique(image.reshape(-1, 3), axis=0, return_inverse=True)
    pairs = np.unique(np.column_stack([first.ravel(), out.reshape(-1, 3)]), axis=0)
    assert len(pairs) == first.max() + 1


def test_strong_with_every_share_at_zero_does_nothing():
    image, _ = scene()
    off = AugmentSettings(jitter_share=0.0, grey_share=0.0, blur_share=0.0)
    np.testing.assert_array_equal(strong(image, off, rng()), image)


def test_strong_grey_has_three_equal_channels():
    image, _ = scene()
    grey = strong(image, AugmentSettings(jitter_share=0, grey_share=1, blur_share=0), rng())
    assert (grey == grey[..., :1]).all()


def test_cutmix_box_is_one_rectangle_of_2_to_40_percent():
    always = AugmentSettings(cutmix_share=1.0)
    for seed in range(50):
        mask = cutmix_box(CROP, always, rng(seed))
        assert mask.dtype == bool
        rows, columns = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
        assert mask.sum() == len(rows) * len(columns) > 0
        assert 0.01 < mask.mean() < 0.45
    assert not cutmix_box(CROP, AugmentSettings(cutmix_share=0.0), rng()).any()
