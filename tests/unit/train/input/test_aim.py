import numpy as np
import pytest

from components.train.input.aim import rare_pixel, rarity
from tfds_cityscapes.labels import IGNORE_LABEL

COUNTS = np.zeros(19, np.int64)
COUNTS[[0, 5, 7]] = 9700, 200, 100


def test_rarity_falls_by_e_for_each_hundredth_of_the_pixels():
    chances = rarity(COUNTS)
    assert chances[5] / chances[7] == pytest.approx(np.exp(-1))
    assert chances[0] < 1e-40
    assert set(np.flatnonzero(chances == 0)) == set(range(19)) - {0, 5, 7}


def test_rarity_without_any_label_is_zero():
    assert not rarity(np.zeros(19, np.int64)).any()


def test_rarity_of_a_single_class_is_finite():
    assert rarity(np.eye(19, dtype=np.int64)[3])[3] == 1


def test_rare_pixel_is_one_of_a_class_drawn_by_its_rarity():
    label = np.zeros((40, 60), np.uint8)
    label[10:14, 20:30], label[30:32, 50:52] = 5, 7
    rng = np.random.default_rng(0)
    drawn = [rare_pixel(label, rarity(COUNTS), rng) for _ in range(2000)]
    classes = np.array([label[pixel] for pixel in drawn])
    assert set(classes) == {5, 7}
    assert (classes == 7).mean() == pytest.approx(np.e / (1 + np.e), abs=0.04)
    assert len(set(drawn)) == 44  # every pixel of both


def test_rare_pixel_of_an_image_without_labels_is_none():
    void = np.full((4, 6), IGNORE_LABEL, np.uint8)
    assert rare_pixel(void, rarity(COUNTS), np.random.default_rng(0)) is None
