import threading
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace

import numpy as np
import pytest

from components.contracts.recipe.train import AugmentSettings, TrainSettings
from components.train.input import stream
from components.train.input.memory import Budget
from components.train.input.stream import Pool, batches
from tests.support.fits import png_bytes
from tfds_cityscapes.labels import IGNORE_LABEL

CROP = (32, 64)
STEPS = 5
SETTINGS = TrainSettings(
    steps=STEPS,
    batch_size=2,
    unlabeled_batch_size=3,
    crop=CROP,
    augment=AugmentSettings(scale=(0.5, 1.5)),
)
NAMES = {"image", "label", "weak", "strong", "padding", "cutmix"}


class FakeRecords:
    """Encoded images by id, with a count of how often each was read."""

    def __init__(self, count, labels, size=(40, 72)):
        random = np.random.default_rng(count)
        self.reads: dict[str, int] = {}
        self.rows = {}
        for k in range(count):
            image = random.integers(0, 256, (*size, 3), np.uint8)
            label = random.integers(0, 19, size, dtype=np.uint8)
            self.rows[f"id{k}"] = (png_bytes(image), png_bytes(label) if labels else None)

    def encoded(self, image_id):
        self.reads[image_id] = self.reads.get(image_id, 0) + 1
        return self.rows[image_id]


def pool(count, labels, budget=None):
    records = FakeRecords(count, labels)
    return Pool(records, list(records.rows), budget or Budget(1 << 20))


@pytest.fixture(scope="module")
def pools():
    return pool(5, labels=True), pool(7, labels=False)


def run(pools, seed=11, first=0, settings=SETTINGS):
    rows = batches(*pools, settings, seed, first)
    return [{k: v.numpy() for k, v in row.items()} for row in rows]


@pytest.fixture(scope="module")
def whole(pools):
    return run(pools)


def same(one, other):
    return all(np.array_equal(one[name], other[name]) for name in NAMES)


def test_batch_has_the_shapes_and_types_that_training_expects(whole):
    assert len(whole) == STEPS
    row = whole[0]
    assert set(row) == NAMES
    assert (row["image"].shape, row["image"].dtype) == ((2, *CROP, 3), np.float32)
    assert (row["label"].shape, row["label"].dtype) == ((2, *CROP), np.int32)
    for name in ("weak", "strong"):
        assert (row[name].shape, row[name].dtype) == ((3, *CROP, 3), np.float32)
        assert row[name].min() >= 0
        assert row[name].max() <= 255
    for name in ("padding", "cutmix"):
        assert (row[name].shape, row[name].dtype) == ((3, *CROP), bool)


def test_batches_mark_padding_and_ignore_it_in_the_labels(whole):
    labels = np.concatenate([row["label"] for row in whole])
    assert ((labels < 19) | (labels == IGNORE_LABEL)).all()
    assert (labels == IGNORE_LABEL).any()  # scales below 1 leave padding
    assert any(row["padding"].any() for row in whole)
    assert not all(row["padding"].all() for row in whole)


def test_every_crop_of_an_image_with_few_labeled_regions_holds_some_of_them():
    records = FakeRecords(1, labels=True, size=(120, 240))
    image, _ = records.rows["id0"]
    label = np.full((120, 240), IGNORE_LABEL, np.uint8)
    label[60:90, 210:240] = 5
    records.rows["id0"] = (image, png_bytes(label))
    regions = Pool(records, ["id0"], Budget(1 << 20))
    for batch in run((regions, None)):
        assert (batch["label"] == 5).any((1, 2)).all()
    records.rows["id0"] = (image, png_bytes(np.full_like(label, IGNORE_LABEL)))
    nothing = Pool(records, ["id0"], Budget(1 << 20))
    assert all((batch["label"] == IGNORE_LABEL).all() for batch in run((nothing, None)))


@pytest.mark.parametrize("first", [1, 3, STEPS])
def test_batches_from_step_n_equal_the_tail_of_all(pools, whole, first):
    tail = run(pools, first=first)
    assert len(tail) == STEPS - first
    assert all(same(a, b) for a, b in zip(tail, whole[first:], strict=True))


def test_batches_repeat_in_fresh_pools(whole):
    again = run((pool(5, labels=True), pool(7, labels=False)))
    assert all(same(a, b) for a, b in zip(again, whole, strict=True))


def test_batches_differ_between_seeds_and_steps(pools, whole):
    other = run(pools, seed=12)
    assert not any(
        np.array_equal(a["image"], b["image"]) for a, b in zip(other, whole, strict=True)
    )
    assert not np.array_equal(whole[0]["weak"], whole[1]["weak"])


def test_batches_of_a_longer_fit_begin_with_the_same_ones(pools, whole):
    longer = run(pools, settings=SETTINGS.model_copy(update={"steps": STEPS + 2}))
    assert len(longer) == STEPS + 2
    assert all(same(a, b) for a, b in zip(longer, whole, strict=False))


def test_batches_without_unlabeled_images_hold_labeled_ones_only(pools, whole):
    rows = run((pools[0], None))
    assert set(rows[0]) == {"image", "label"}
    assert all(np.array_equal(a["image"], b["image"]) for a, b in zip(rows, whole, strict=True))


def test_aimed_crops_hold_a_rare_class_and_depend_on_the_step_alone():
    records = FakeRecords(4, labels=True)
    corner = np.zeros((40, 72), np.uint8)
    corner[:3, :3] = 7
    records.rows = {name: (image, png_bytes(corner)) for name, (image, _) in records.rows.items()}
    labeled = Pool(records, list(records.rows), Budget(1 << 20))

    def rows(share, first=0):
        augment = AugmentSettings(scale=(3.0, 3.0), rare_crop_share=share)
        settings = SETTINGS.model_copy(update={"augment": augment})
        return run((labeled, None), settings=settings, first=first)

    aimed, anywhere = rows(1.0), rows(0.0)
    assert all((label == 7).any() for row in aimed for label in row["label"])
    assert not any((label == 7).any() for row in anywhere for label in row["label"])
    for one, other in zip(rows(1.0, first=2), aimed[2:], strict=True):
        np.testing.assert_array_equal(one["image"], other["image"])


def test_images_with_few_labeled_pixels_are_drawn_less_often():
    whole, part = np.zeros((40, 72), np.uint8), np.full((40, 72), 255, np.uint8)
    part[:10, :9] = 0  # a 32nd of the pixels
    records = FakeRecords(4, labels=True)
    labels = dict(zip(records.rows, [whole, part, whole, part], strict=True))
    records.rows = {
        name: (image, png_bytes(labels[name])) for name, (image, _) in records.rows.items()
    }
    pool = Pool(records, list(records.rows), Budget(1 << 20))
    np.testing.assert_allclose(pool.weights, [1, 1 / 32, 1, 1 / 32])
    assert pool.pixel_counts().tolist() == [2 * 40 * 72 + 2 * 90] + [0] * 18


def test_pool_reads_an_image_once_as_long_as_it_fits_the_budget():
    pixels = 40 * 72
    small = pool(3, labels=True, budget=Budget(2 * pixels * 4))  # image and label of two
    for _ in range(3):
        for index in range(3):
            small[index]
    assert sorted(small.records.reads.values()) == [1, 1, 3]


def test_pools_share_a_budget():
    pixels = 40 * 72
    budget = Budget(pixels * (4 + 3))  # one image with its label, and one without
    both = pool(2, labels=True, budget=budget), pool(2, labels=False, budget=budget)
    for _ in range(2):
        for index in range(2):
            for one in both:
                one[index]
    assert [sorted(one.records.reads.values()) for one in both] == [[1, 2], [1, 2]]


def test_threads_that_read_the_same_image_pay_for_it_once():
    pixels = 40 * 72
    small = pool(1, labels=True, budget=Budget(3 * pixels * 4))
    meeting, read = threading.Barrier(3), small.records.encoded

    def encoded(image_id):
        meeting.wait(timeout=30)  # all three are past the look into the cache
        return read(image_id)

    small.records.encoded = encoded
    with ThreadPoolExecutor(3) as threads:
        pairs = list(threads.map(lambda _: small[0], range(3)))
    assert small.budget.left == 2 * pixels * 4
    for image, label in pairs:
        np.testing.assert_array_equal(image, pairs[0][0])
        np.testing.assert_array_equal(label, pairs[0][1])


@pytest.mark.parametrize("cpus", [1, 3])
def test_batches_are_the_same_with_any_number_of_processors(pools, whole, cpus, monkeypatch):
    monkeypatch.setattr(stream, "usable_cpus", lambda: cpus)
    assert all(same(one, other) for one, other in zip(whole, run(pools), strict=True))


def test_pool_counts_the_labeled_pixels_of_each_class():
    label = np.full((40, 72), IGNORE_LABEL, np.uint8)
    label[0, :10], label[1, :4] = 3, 18
    image = png_bytes(np.zeros((40, 72, 3), np.uint8))
    rows = {"a": (image, png_bytes(label)), "b": (image, png_bytes(label)), "c": (image, None)}
    counts = Pool(SimpleNamespace(encoded=rows.get), rows, Budget(1 << 20)).pixel_counts()
    assert counts.shape == (19,)
    assert {i: int(n) for i, n in enumerate(counts) if n} == {3: 20, 18: 8}


def test_labeled_images_get_strong_changes_only_if_asked(pools, whole):
    augment = SETTINGS.augment.model_copy(update={"labeled_strong_share": 1.0, "jitter_share": 1.0})
    changed = run(pools, settings=SETTINGS.model_copy(update={"augment": augment}))
    for before, after in zip(whole, changed, strict=True):
        assert not np.array_equal(before["image"], after["image"])
        # Colours change, labels do not; and unlabeled images have their own random numbers.
        np.testing.assert_array_equal(before["label"], after["label"])
        np.testing.assert_array_equal(before["weak"], after["weak"])
