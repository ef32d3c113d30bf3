import cityscapesscripts.helpers.labels as theirs
import numpy as np
import pytest

from tfds_cityscapes import labels
from tfds_cityscapes.labels import IGNORE_LABEL, UnknownLabelError, to_label_ids, to_train_ids


def test_label_table_is_that_of_the_benchmark():
    ours = {
        row.name: (row.label_id, row.train_id, row.category, row.has_instances, row.color)
        for row in labels.LABELS
    }
    # The benchmark writes -1 for a class without a train id; it is ignored, too.
    expected = {
        row.name: (
            row.id,
            row.trainId if 0 <= row.trainId < 19 else IGNORE_LABEL,
            row.category,
            row.hasInstances,
            row.color,
        )
        for row in theirs.labels
    }
    assert ours == expected


def test_classes_are_in_the_order_of_their_train_ids():
    assert labels.NUM_CLASSES == 19
    assert [row.train_id for row in labels.TRAIN_LABELS] == list(range(19))
    assert labels.CLASS_NAMES[0] == "road"
    assert labels.CLASS_NAMES[18] == "bicycle"


@pytest.mark.parametrize("dtype", [np.int8, np.int16, np.int32, np.int64])
def test_to_train_ids_converts_every_label_id(dtype):
    ids = np.array([row.label_id for row in labels.LABELS], dtype)
    converted = to_train_ids(ids)
    assert converted.dtype == np.uint8
    assert converted.tolist() == [row.train_id for row in labels.LABELS]


def test_to_train_ids_ignores_minus_one_also_as_255():
    assert to_train_ids(np.array([[255, 7]], np.uint8)).tolist() == [[255, 0]]
    assert to_train_ids(np.array([-1, 7])).tolist() == [255, 0]


def test_to_label_ids_inverts_to_train_ids_and_maps_ignore_to_unlabeled():
    train_ids = np.array([[*range(19), 255]], np.uint8)
    label_ids = to_label_ids(train_ids)
    assert label_ids[0, -1] == 0
    assert label_ids[0, :3].tolist() == [7, 8, 11]
    np.testing.assert_array_equal(to_train_ids(label_ids), train_ids)


@pytest.mark.parametrize(
    ("ids", "named"),
    [
        (np.array([34], np.uint8), "34"),
        (np.array([7, 200, 254], np.uint8), "200, 254"),
        (np.array([300]), "300"),
        (np.array([-2]), "-2"),
        (np.array([65535], np.uint16), "65535"),
    ],
)
def test_to_train_ids_rejects_an_unknown_id_by_its_number(ids, named):
    with pytest.raises(UnknownLabelError, match=named):
        to_train_ids(ids)


def test_to_label_ids_rejects_label_ids():
    with pytest.raises(UnknownLabelError, match="23"):
        to_label_ids(np.array([7, 23], np.uint8))


@pytest.mark.parametrize("convert", [to_train_ids, to_label_ids])
def test_conversion_rejects_fractions_and_keeps_an_empty_map(convert):
    with pytest.raises(UnknownLabelError, match="float32"):
        convert(np.array([7.0], np.float32))
    assert convert(np.zeros((0, 3), np.int64)).shape == (0, 3)


def test_colorize_uses_the_benchmarks_colours_and_black_for_ignore():
    painted = labels.colorize(np.array([[0, 10, 255]], np.uint8))
    assert painted.tolist() == [[[128, 64, 128], [70, 130, 180], [0, 0, 0]]]


def test_table_hash_is_stable():
    assert labels.table_hash() == labels.table_hash()
    assert len(labels.table_hash()) == 64
