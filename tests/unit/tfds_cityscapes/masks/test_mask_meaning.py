"""What ids and colours mean: names and tables decide, contradictions are rejected."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.png_files import PALETTE, RGB, grays, png
from tfds_cityscapes.labels import TRAIN_LABELS, to_train_ids
from tfds_cityscapes.masks import MaskError, encoding_of_name, read_label_ids
from tfds_cityscapes.masks.tables import parse_table, table_beside

ROAD, WALK, SKY, CAR = ((row.color) for row in (TRAIN_LABELS[i] for i in (0, 1, 10, 13)))
VOC = [(0, 0, 0), (128, 0, 0), (0, 128, 0), (128, 128, 0), (0, 0, 128), (128, 0, 128)]


def classes(name, data, table=None):
    return to_train_ids(read_label_ids(name, data, table=table)).tolist()


def colors(*rows):
    return np.array([rows])


@pytest.mark.parametrize(
    ("values", "name", "expected"),
    [
        ([0, 7, 26], "a_labelIds.png", [255, 0, 13]),
        ([0, 7, 26, 255], "a_labelIds.png", [255, 0, 13, 255]),  # 255 is the license plate's -1
        ([0, 7, 13], "a_labelTrainIds.png", [0, 7, 13]),
        ([0, 255], "a_trainIds.png", [0, 255]),
        ([255, 255], "a_labelIds.png", [255, 255]),  # both readings are the same
        ([0, 7, 26], "a.png", [255, 0, 13]),  # train ids do not reach 26
        ([0, 7, 255], "a.png", [0, 7, 255]),
    ],
)
def test_names_decide_and_content_where_only_one_meaning_is_possible(values, name, expected):
    assert classes(name, png([values])) == [expected]


@pytest.mark.parametrize(
    ("values", "name", "reason"),
    [
        ([0, 2, 8, 10, 13, 255], "a_labelIds.png", r"255 and no id above 18.*_labelTrainIds"),
        ([0, 255], "a_labelIds.png", "255 and no id above 18"),
        ([0, 26], "a_trainIds.png", r"\[26\].*Label ids.*_labelIds"),
        ([0, 255], "a.png", "only 0 and 255, as a black and white picture"),
        ([255, 255], "a.png", "Nothing says"),
        ([0, 0], "a_mask.png", "label ids or train ids"),
        ([0, 7, 18], "a.png", "label ids or train ids"),
        ([0, 15, 20, 255], "a.png", "20, which train ids do not reach, and 255"),  # Pascal VOC
        ([0, 150], "a.png", "150, which is neither"),
        ([0, 7], "a_color.png", "taken for one of colours"),
    ],
)
def test_contradictions_and_guesses_are_rejected(values, name, reason):
    with pytest.raises(MaskError, match=reason):
        classes(name, png([values]))


def test_colours_need_no_name_but_contradict_one_of_ids():
    data = png(colors(ROAD, SKY, CAR), 8, RGB)
    assert classes("a.png", data) == classes("a_color.png", data) == [[0, 10, 13]]
    with pytest.raises(MaskError, match=r"label ids, but holds the Cityscapes colours"):
        classes("a_labelIds.png", data)
    with pytest.raises(MaskError, match=r"\(9, 200, 9\)"):
        classes("a.png", png(colors(ROAD, (9, 200, 9)), 8, RGB))


@pytest.mark.parametrize("name", ["a.png", "a_color.png", "a_trainIds.png", "a_labelIds.png"])
def test_optimized_palette_of_the_cityscapes_colours_is_those_classes(name):
    data = png([[0, 1, 2]], 2, PALETTE, palette=[CAR, ROAD, SKY])
    assert classes(name, data) == [[13, 0, 10]]


def test_full_palette_must_agree_with_the_ids():
    palette = [row.color for row in TRAIN_LABELS]
    data = png([[0, 1, 10, 13]], 8, PALETTE, palette=palette)
    assert classes("a_labelTrainIds.png", data) == [[0, 1, 10, 13]]
    with pytest.raises(MaskError, match=r"two ways.*places in its palette.*Cityscapes colours"):
        classes("a_labelIds.png", data)


def test_ignore_label_may_be_outside_of_the_palette():
    data = png([[0, 10, 255]], 8, PALETTE, palette=[row.color for row in TRAIN_LABELS])
    assert classes("a_labelTrainIds.png", data) == classes("a.png", data) == [[0, 10, 255]]


def test_full_palette_of_other_colours_holds_ids_if_the_name_says_so():
    palette = [(i * 5 % 251, i, 7) for i in range(256)]
    data = png([[0, 10, 13]], 8, PALETTE, palette=palette)
    assert classes("a_trainIds.png", data) == [[0, 10, 13]]
    with pytest.raises(MaskError, match="Nothing says what the palette"):
        classes("a.png", data)


def test_optimized_palette_of_other_colours_is_rejected():
    data = png([[0, 1, 2]], 2, PALETTE, palette=[(9, 200, 9), (8, 100, 3), (200, 3, 1)])
    with pytest.raises(MaskError, match=r"places in its palette.*in any order.*without a palette"):
        classes("a_trainIds.png", data)


def test_optimized_palette_of_pascal_voc_gives_the_places_in_it():
    data = png([[0, 1, 2]], 2, PALETTE, palette=[VOC[5], VOC[0], VOC[2]])
    assert classes("a_trainIds.png", data) == [[5, 0, 2]]
    with pytest.raises(MaskError, match="Nothing says"):
        classes("a.png", data)


@pytest.mark.parametrize("name", ["a_trainIds.png", "a.png"])
def test_black_and_white_palette_decides_nothing(name):
    with pytest.raises(MaskError, match=r"two ways|0 and 255"):
        classes(name, png([[0, 1]], 1, PALETTE, palette=grays(0, 255)))


def test_palette_without_colours_holds_ids():
    assert classes("a_trainIds.png", png([[0, 10]], 8, PALETTE, palette=[(0, 0, 0)] * 256)) == [
        [0, 10]
    ]


CVAT = parse_table(
    "label_colors.txt", b"0 0 0 background\n9 1 1 road\n2 2 200 sky\n3 3 3 traffic_light"
)
LABELMAP = parse_table(
    "x/labelmap.txt", b"# label:color\nbackground:0,0,0::\ncar:1,2,3::\nroad:5,5,5::\n"
)
ROBOFLOW = parse_table("_classes.csv", b"Pixel Value, Class\n0, background\n1, sky\n2, car\n")
NAMES = parse_table("class_names.txt", b"_background_\nroad\nsky\n")


@pytest.mark.parametrize(
    ("table", "expected"),
    [(CVAT, [0, 10]), (LABELMAP, [13, 0]), (ROBOFLOW, [10, 13]), (NAMES, [0, 10])],
    ids=lambda value: getattr(value, "source", ""),
)
def test_table_beside_a_mask_says_what_its_ids_mean(table, expected):
    assert classes("a.png", png([[1, 2]]), table) == [expected]


def test_table_beside_a_mask_says_what_its_colours_mean():
    assert classes("a.png", png(colors((9, 1, 1), (2, 2, 200)), 8, RGB), CVAT) == [[0, 10]]
    optimized = png([[0, 1]], 1, PALETTE, palette=[(2, 2, 200), (9, 1, 1)])
    assert classes("a.png", optimized, CVAT) == [[10, 0]]


@pytest.mark.parametrize(
    ("name", "values", "table", "reason"),
    [
        ("a_labelIds.png", [1, 2], CVAT, r"two ways.*label_colors\.txt.*as label ids.*Remove"),
        ("a_trainIds.png", [1, 2], ROBOFLOW, r"two ways.*_classes\.csv.*as train ids"),
        (
            "a_labelIds.png",
            [7, 26],
            CVAT,
            r"7, 26, which label_colors\.txt beside it does not explain",
        ),
        ("a.png", [0, 1], parse_table("class_names.txt", b"road\ncat"), 'Unknown class.*"cat"'),
    ],
)
def test_mask_that_contradicts_its_table_is_rejected(name, values, table, reason):
    with pytest.raises(MaskError, match=reason):
        classes(name, png([values]), table)


def test_class_that_does_not_occur_may_have_any_name():
    assert classes("a.png", png([[0, 0]]), parse_table("class_names.txt", b"road\ncat")) == [[0, 0]]


def test_nearest_table_above_a_mask_counts():
    files = {"label_colors.txt": b"1 2 3 road", "gtFine/val/_classes.csv": b"file, road\n"}
    found = table_beside("gtFine/val/ulm/a_labelIds.png", files, files.__getitem__)
    assert found is not None  # the nearer file is a table of whole images, which says nothing
    assert found.names == {0: "road"}
    assert table_beside("other/a.png", {}, files.__getitem__) is None


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("label_colors.txt", b"road"),
        ("label_colors.txt", b"1 2 300 road"),
        ("labelmap.txt", b"car:1,1,1::\nbus:1,1,1::"),
        ("_classes.csv", b"Pixel Value, Class\nroad, 1\n"),
    ],
)
def test_damaged_table_is_rejected_by_name(name, data):
    with pytest.raises(MaskError, match=name):
        parse_table(name, data)


@pytest.mark.parametrize(
    ("name", "encoding"),
    [
        ("a_gtFine_labelIds.png", "label_ids"),
        ("a_LABELTRAINIDS.PNG", "train_ids"),
        ("a_trainIds.png", "train_ids"),
        ("a_color.png", "color"),
        ("a_labelIds_x.png", None),
    ],
)
def test_end_of_a_name_says_the_encoding(name, encoding):
    assert encoding_of_name(name) == encoding


@st.composite
def rewritten(draw):
    """Draw a mask, and a copy that shows the same, as a program that makes files smaller writes it."""
    encoding = draw(st.sampled_from(["labelIds", "labelTrainIds"]))
    known = [*range(34)] if encoding == "labelIds" else [*range(19), 255]
    used = draw(st.lists(st.sampled_from(known), min_size=1, max_size=6, unique=True))
    numbers = draw(st.lists(st.integers(0, len(used) - 1), min_size=6, max_size=6))
    places = np.array(numbers).reshape(2, 3)
    order = draw(st.permutations(range(len(set(numbers)))))
    present = sorted(set(numbers))
    moved = np.array([order[present.index(i)] for i in numbers]).reshape(2, 3)
    values = [used[i] for _, i in sorted(zip(order, present, strict=True))]
    ids = np.array(used)[places]
    interlaced = draw(st.booleans())
    copies = [png(np.dstack([ids] * 3), 8, RGB, interlaced=interlaced)]
    copies += [png(ids, 16, interlaced=interlaced), png(ids * 257, 16, interlaced=interlaced)]
    for depth in (1, 2, 4, 8):
        if len(values) <= 2**depth:
            palette = grays(*values)
            copies.append(png(moved, depth, PALETTE, palette=palette, interlaced=interlaced))
        step = 255 // (2**depth - 1)
        if not (ids % step).any():
            copies.append(png(ids // step, depth, interlaced=interlaced))
    return f"a_{encoding}.png", png(ids), draw(st.sampled_from(copies))


@settings(max_examples=400, deadline=None)
@given(rewritten())
def test_copy_that_shows_the_same_is_the_same_classes_or_rejected(masks):
    name, plain, copy = masks
    expected = classes(name, plain)
    try:
        found = classes(name, copy)
    except MaskError:
        return
    assert found == expected
