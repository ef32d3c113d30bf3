"""Label maps as shares of cells."""

from __future__ import annotations

import numpy as np

from components.train.frozen.labels import shares


def test_a_cell_has_the_share_of_each_class() -> None:
    label = np.zeros((16, 16), np.uint8)
    label[:8, :2] = 13  # a quarter of the first cell
    label[8:, 8:12] = 255  # half of the last cell
    cells = shares(label, (2, 2))
    assert cells.shape == (2, 2, 19)
    assert (cells[0, 0, 13], cells[0, 0, 0]) == (0.25, 0.75)
    assert cells[1, 1].sum() == cells[1, 1, 0] == 0.5  # what is ignored is no class
    assert cells[0, 1, 0] == 1


def test_an_image_of_nothing_but_ignore_has_no_share() -> None:
    assert not shares(np.full((8, 8), 255, np.uint8), (1, 1)).any()
