"""The geometry of regions."""

from __future__ import annotations

import subprocess
import sys
from fractions import Fraction

import numpy as np
import pytest
from pydantic import TypeAdapter, ValidationError

from components.contracts.process.errors import StreetloopError
from components.contracts.regions.tiles import (
    WHOLE,
    Box,
    Tiles,
    grid,
    mask_of,
    merged,
    parse_parts,
    share_of,
    text_of,
)


@pytest.mark.parametrize("size", [(4, 8), (9, 16), (1024, 2048), (5, 11)])
def test_the_tiles_of_a_grid_cover_every_pixel_once(size: tuple[int, int]) -> None:
    covered = np.zeros(size, int)
    for box in grid(4, 8).boxes(size):
        assert box.top < box.bottom
        assert box.left < box.right
        covered[box.window] += 1
    assert (covered == 1).all()


def test_a_tile_is_the_same_part_of_the_image_at_every_size() -> None:
    tiles = Tiles(2, 4, (1, 6))
    assert tiles.boxes((64, 128)) == [Box(0, 32, 32, 64), Box(32, 64, 64, 96)]
    large, small = tiles.mask((64, 128)), tiles.mask((16, 32))
    np.testing.assert_array_equal(large, small.repeat(4, 0).repeat(4, 1))
    assert small.mean() == tiles.share == 0.25
    assert str(tiles) == "1, 6 of 2x4"


def test_an_image_smaller_than_the_grid_is_refused() -> None:
    with pytest.raises(StreetloopError, match=r"3x8 pixels .* Set query\.region_grid to fewer"):
        grid(4, 8).boxes((3, 8))


@pytest.mark.parametrize(
    "wrong", [(4, 8, [3, 2]), (4, 8, [32]), (4, 8, [-1]), (4, 8, [1, 1]), (0, 8, [])]
)
def test_numbers_from_a_file_are_checked(wrong: tuple[int, int, list[int]]) -> None:
    rows, columns, numbers = wrong
    with pytest.raises(ValidationError, match=r"grid|numbers"):
        TypeAdapter(Tiles).validate_python(
            {"rows": rows, "columns": columns, "numbers": tuple(numbers)}
        )


def test_parts_of_one_grid_become_one_and_those_of_others_stay() -> None:
    parts = merged([Tiles(4, 8, (3,)), Tiles(2, 2, (0,)), Tiles(4, 8, (1, 3))])
    assert parts == (Tiles(2, 2, (0,)), Tiles(4, 8, (1, 3)))
    assert share_of(parts) == pytest.approx(1 / 4 + 2 / 32)
    assert share_of([WHOLE, Tiles(4, 8, (1,))]) == 1.0


def test_tiles_of_another_grid_are_left_out_exactly_where_they_touch() -> None:
    assert grid(2, 2).without(Tiles(4, 4, (0,))).numbers == (1, 2, 3)
    assert grid(4, 4).without(Tiles(2, 2, (3,))).numbers == (0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 12, 13)
    assert grid(3, 1).without(Tiles(2, 1, (0,))).numbers == (2,), "the middle third is cut in half"
    assert grid(4, 4).without(WHOLE).numbers == ()


def test_the_text_of_tiles_is_read_back() -> None:
    tiles = Tiles(4, 8, (3, 17))
    assert Tiles.parse(str(tiles)) == tiles
    for text in (None, "", "3", "17, 3 of 4x8", "32 of 4x8", "3 of 0x8", "3 of 4x8 or so"):
        assert Tiles.parse(text) is None


def spans(tiles: Tiles) -> list[tuple[int, tuple[Fraction, ...]]]:
    """Return each tile's number with its top, bottom, left and right, as shares of the image."""
    rows, columns = tiles.rows, tiles.columns
    places = ((n, divmod(n, columns)) for n in tiles.numbers)
    return [
        (
            n,
            (
                Fraction(r, rows),
                Fraction(r + 1, rows),
                Fraction(c, columns),
                Fraction(c + 1, columns),
            ),
        )
        for n, (r, c) in places
    ]


@pytest.mark.parametrize("one", [(1, 1), (4, 8), (5, 7), (6, 4)])
@pytest.mark.parametrize("other", [(1, 1), (4, 8), (7, 5), (3, 2), (12, 8)])
def test_tiles_touch_where_their_edges_say_so(one: tuple[int, int], other: tuple[int, int]) -> None:
    tiles, others = grid(*one), grid(*other)
    others = others.of(range(0, others.size, 3))
    touched = [
        n
        for n, (top, bottom, left, right) in spans(tiles)
        if any(
            top < b and t < bottom and left < r and lf < right for _, (t, b, lf, r) in spans(others)
        )
    ]
    assert list(tiles.within(others).numbers) == touched
    assert sorted({*tiles.without(others).numbers, *touched}) == list(tiles.numbers)


def test_tiles_of_several_grids_are_one_mask_and_one_text() -> None:
    parts = (Tiles(15, 30, (0, 31)), Tiles(16, 32, (500,)))
    size = (128, 256)
    expected = parts[0].mask(size) | parts[1].mask(size)
    np.testing.assert_array_equal(mask_of(parts, size), expected)
    assert text_of(parts) == "0, 31 of 15x30; 500 of 16x32"
    assert parse_parts(text_of(parts)) == parts
    assert parse_parts(text_of(parts[:1])) == parts[:1]
    for text in (None, "", "3 of 4x8; ", "3 of 4x8; 9", "3 of 4x8;2 of 3x1"):
        assert parse_parts(text) == ()


def test_tiles_within_several_others_are_those_that_any_touches() -> None:
    assert grid(2, 4).within(Tiles(2, 1, (0,)), Tiles(1, 4, (3,))).numbers == (0, 1, 2, 3, 7)
    assert grid(2, 4).within().numbers == ()


def test_tiles_within_others_are_those_that_they_touch() -> None:
    assert Tiles(2, 4, (0, 5)).within(Tiles(2, 4, (5, 6))).numbers == (5,)
    assert Tiles(2, 4, (0, 5)).within(Tiles(1, 2, (1,))).numbers == ()
    assert Tiles(2, 4, (0, 5)).within(None).numbers == (0, 5)


def test_reading_a_ledger_does_not_import_numpy() -> None:
    program = (
        "import sys, components.contracts.ledger.ledger; raise SystemExit('numpy' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", program]).returncode == 0
