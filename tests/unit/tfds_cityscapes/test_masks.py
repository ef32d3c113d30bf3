"""One mask in every way that PNG has is one mask, for people's labels, data sets and scores alike."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest

from components.contracts.annotation import png_mask
from components.contracts.annotation.limits import Budget, Limits
from components.contracts.annotation.model import AnnotationError
from components.evaluate.benchmark.id_files import ScoringError, read_labels
from tests.support.png_kinds import gray_palette, png
from tests.support.tiny_source import write_item
from tfds_cityscapes.labels import colorize, to_label_ids, to_train_ids
from tfds_cityscapes.masks import MaskError, read_label_ids
from tfds_cityscapes.source import SourceError, open_source

NAME = "aa_000000_000000"
RNG = np.random.default_rng(0)
LABEL_IDS = RNG.choice(np.array([0, 7, 17, 23, 26], np.uint8), (40, 56))
TWO = np.where(LABEL_IDS > 17, 17, 0).astype(np.uint8)
OPAQUE = np.full((40, 56), 255, np.uint8)

# Every way to store LABEL_IDS.
WAYS: dict[str, Callable[[], tuple[bytes, np.ndarray]]] = {
    "8 bit": lambda: (png(LABEL_IDS), LABEL_IDS),
    "16 bit": lambda: (png(LABEL_IDS, 16), LABEL_IDS),
    "interlaced": lambda: (png(LABEL_IDS, interlaced=True), LABEL_IDS),
    "palette of grays": lambda: (gray_palette(LABEL_IDS, [26, 7, 0, 23, 17]), LABEL_IDS),
    "palette of grays, 4 bit": lambda: (gray_palette(LABEL_IDS, [26, 7, 0, 23, 17], 4), LABEL_IDS),
    "gamma": lambda: (png(LABEL_IDS, extra=[(b"gAMA", (45455).to_bytes(4, "big"))]), LABEL_IDS),
    "alpha": lambda: (png(np.stack([LABEL_IDS, OPAQUE], -1), color_type=4), LABEL_IDS),
    "three equal channels": lambda: (png(np.stack([LABEL_IDS] * 3, -1), color_type=2), LABEL_IDS),
}


def _feedback(data: bytes, folder: Path) -> np.ndarray:
    return png_mask.read(f"{NAME}_gtFine_labelIds.png", data, Budget(Limits())).train_ids


def _data_set(data: bytes, folder: Path) -> np.ndarray:
    write_item(folder, NAME)
    (folder / "gtFine" / "train" / "aa" / f"{NAME}_gtFine_labelIds.png").write_bytes(data)
    source = open_source(folder)
    return source.read_label(source.items[0])


def _scoring(data: bytes, folder: Path) -> np.ndarray:
    path = folder / f"{NAME}_labelIds.png"
    path.write_bytes(data)
    return to_train_ids(read_labels(path))


READERS = {"feedback": _feedback, "data set": _data_set, "scoring": _scoring}
reader = pytest.mark.parametrize("read", READERS.values(), ids=READERS)


@reader
@pytest.mark.parametrize("way", WAYS)
def test_a_mask_means_the_same_however_it_is_stored(
    read: Callable[[bytes, Path], np.ndarray], way: str, tmp_path: Path
) -> None:
    data, label_ids = WAYS[way]()
    np.testing.assert_array_equal(read(data, tmp_path), to_train_ids(label_ids))


@reader
def test_few_bits_that_can_be_read_in_two_ways_are_rejected_with_both(
    read: Callable[[bytes, Path], np.ndarray], tmp_path: Path
) -> None:
    """An optimizer stores the gray levels 0 and 17 in four bits as 0 and 1."""
    with pytest.raises((AnnotationError, SourceError, ScoringError), match="read in two ways"):
        read(png(TWO // 17, 4), tmp_path)


@reader
def test_erased_pixels_have_no_class(
    read: Callable[[bytes, Path], np.ndarray], tmp_path: Path
) -> None:
    alpha = OPAQUE.copy()
    alpha[:10] = 0
    expected = to_train_ids(LABEL_IDS)
    expected[:10] = 255
    data = png(np.stack([LABEL_IDS, alpha], -1), color_type=4)
    np.testing.assert_array_equal(read(data, tmp_path), expected)


def test_a_transparent_gray_or_palette_entry_has_no_class(tmp_path: Path) -> None:
    expected = np.where(LABEL_IDS == 23, 255, to_train_ids(LABEL_IDS))
    gray = png(LABEL_IDS, extra=[(b"tRNS", (23).to_bytes(2, "big"))])
    np.testing.assert_array_equal(_feedback(gray, tmp_path), expected)
    order = [26, 7, 0, 23, 17]
    plte = (b"PLTE", bytes(n for level in order for n in [level] * 3))
    places = np.array([order.index(int(i)) for i in LABEL_IDS.ravel()], np.uint8).reshape(40, 56)
    paletted = png(places, 8, 3, [plte, (b"tRNS", bytes([255, 255, 255, 0]))])
    np.testing.assert_array_equal(_feedback(paletted, tmp_path), expected)


@reader
@pytest.mark.parametrize(
    ("data", "words"),
    [
        (cv2.imencode(".jpg", LABEL_IDS)[1].tobytes(), "it is a JPEG"),
        (cv2.imencode(".bmp", LABEL_IDS)[1].tobytes(), "it is a BMP"),
        (cv2.imencode(".tiff", LABEL_IDS)[1].tobytes(), "it is a TIFF"),
        (png(LABEL_IDS)[:-40], "cut off"),
        (b"", "not a PNG"),
    ],
    ids=["jpeg", "bmp", "tiff", "cut off", "empty"],
)
def test_what_is_not_a_png_is_named(
    read: Callable[[bytes, Path], np.ndarray], data: bytes, words: str, tmp_path: Path
) -> None:
    with pytest.raises((AnnotationError, SourceError, ScoringError), match=words):
        read(data, tmp_path)


@pytest.mark.parametrize("read", [_feedback, _data_set], ids=["feedback", "data set"])
def test_train_ids_under_the_name_of_label_ids_are_rejected(
    read: Callable[[bytes, Path], np.ndarray], tmp_path: Path
) -> None:
    train_ids = to_train_ids(LABEL_IDS)
    with pytest.raises(
        (AnnotationError, SourceError), match=r"holds 255 and no id above 18 .*_labelTrainIds\.png"
    ):
        read(png(train_ids), tmp_path)


def _train_ids(data: bytes, encoding: str | None) -> np.ndarray:
    end = {None: "", "label_ids": "_labelIds", "train_ids": "_trainIds", "color": "_color"}[
        encoding
    ]
    return to_train_ids(read_label_ids(f"{NAME}{end}.png", data))


def test_black_and_white_never_decides() -> None:
    mask = png(np.where(LABEL_IDS > 9, 255, 0))
    for encoding in (None, "label_ids"):
        with pytest.raises(MaskError):
            _train_ids(mask, encoding)
    assert set(np.unique(_train_ids(mask, "train_ids"))) == {0, 255}


def _paletted(places: np.ndarray, colors: np.ndarray) -> bytes:
    return png(places, 8, 3, [(b"PLTE", np.asarray(colors, np.uint8).tobytes())])


def test_a_palette_of_the_label_table_s_colours_decides() -> None:
    train_ids = to_train_ids(LABEL_IDS)
    used, places = np.unique(train_ids, return_inverse=True)
    mask = _paletted(places.reshape(40, 56), colorize(used[None])[0])
    np.testing.assert_array_equal(_train_ids(mask, None), train_ids)


def test_a_palette_that_contradicts_the_name_is_rejected_with_both_readings() -> None:
    """An optimizer has sorted the palette of a mask whose places were label ids."""
    label_ids = np.repeat(np.array([[7, 26]], np.uint8), 4, 0)
    right = np.zeros((34, 3), np.uint8)
    right[[7, 26]] = (128, 64, 128), (0, 0, 142)
    np.testing.assert_array_equal(
        _train_ids(_paletted(label_ids, right), "label_ids"), to_train_ids(label_ids)
    )
    wrong = right.copy()
    wrong[[7, 26]] = right[[26, 7]]
    with pytest.raises(MaskError, match="road") as raised:
        _train_ids(_paletted(label_ids, wrong), "label_ids")
    assert "car" in str(raised.value)


def test_a_foreign_palette_needs_a_name() -> None:
    train_ids = np.repeat(np.array([[0, 13]], np.uint8), 4, 0)
    colors = np.zeros((14, 3), np.uint8)
    colors[:, 0] = np.arange(14) * 9 + 1
    colors[:, 1] = 77
    with pytest.raises(MaskError):
        _train_ids(_paletted(train_ids, colors), None)
    np.testing.assert_array_equal(_train_ids(_paletted(train_ids, colors), "train_ids"), train_ids)


def test_a_mask_keeps_its_classes_through_label_ids() -> None:
    train_ids = to_train_ids(LABEL_IDS)
    np.testing.assert_array_equal(_train_ids(png(to_label_ids(train_ids)), None), train_ids)
