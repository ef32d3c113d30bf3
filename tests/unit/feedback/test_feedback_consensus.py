import itertools

import numpy as np
import pytest

from components.contracts.annotation import Annotation, AnnotationError
from components.feedback.consensus import Agreements, majority, resolve


def by(who: str, row: list[int], when: str | None = None, image_id: str = "a") -> Annotation:
    return Annotation(image_id, np.array([row], np.uint8), who, when, f"{who}.json")


def agreement(*images: list[Annotation], shown: tuple = ()) -> list:
    sums = Agreements()
    for annotations, prediction in itertools.zip_longest(images, shown):
        sums.add(annotations, prediction)
    return sums.list()


def rows(resolved) -> dict[str, list]:
    return {image_id: a.train_ids[0].tolist() for image_id, a in resolved.items()}


def test_latest_takes_the_last_change_not_the_last_arrival():
    old, new = by("ann", [1], "2026-01-01T00:00:00"), by("bob", [2], "2026-02-01T00:00:00")
    for order in itertools.permutations([old, new]):
        assert rows(resolve(order, "latest")) == {"a": [2]}


def test_an_undated_annotation_is_newer_than_all_dated_ones():
    # As in a campaign, where it is dated when it comes in.
    dated = [by("ann", [1], "2026-01-01T00:00:00"), by("bob", [2], "2026-02-01T00:00:00")]
    for order in itertools.permutations([*dated, by("cyd", [3])]):
        assert rows(resolve(order, "latest")) == {"a": [3]}
    for order in itertools.permutations([*dated, by("ann", [2])]):
        assert rows(resolve(order, "consensus")) == {"a": [2]}


def test_latest_takes_the_last_arrival_without_dates():
    assert rows(resolve([by("ann", [1]), by("bob", [2])], "latest")) == {"a": [2]}


def test_consensus_is_the_majority_of_each_pixel_and_a_tie_is_ignored():
    votes = [by("ann", [1, 1, 1, 255, 255]), by("bob", [1, 2, 2, 4, 255])]
    votes.append(by("cyd", [2, 2, 3, 255, 255]))
    (resolved,) = resolve(votes, "consensus").values()
    assert resolved.train_ids.tolist() == [[1, 2, 255, 4, 255]]
    assert resolved.annotator == "consensus of ann, bob, cyd"
    for order in itertools.permutations(votes):
        np.testing.assert_array_equal(
            majority([v.train_ids for v in order], "a"), resolved.train_ids
        )


def test_consensus_counts_only_the_latest_annotation_of_an_annotator():
    first, second = by("ann", [1], "2026-01-01"), by("ann", [2], "2026-01-02")
    votes = [second, first, by("bob", [1], "2026-01-01")]
    assert rows(resolve(votes, "consensus")) == {"a": [255]}


def test_resolve_returns_a_single_annotation_unchanged():
    one = by("ann", [1, 255])
    assert resolve([one], "consensus") == {"a": one}


def test_resolve_treats_images_separately_and_sorts_them_by_id():
    both = [by("ann", [1], image_id="b"), by("bob", [2], image_id="a")]
    assert list(rows(resolve(both, "consensus")).items()) == [("a", [2]), ("b", [1])]


def test_majority_ignores_a_tie_despite_a_third_class_with_fewer_votes():
    maps = [np.array([[i]], np.uint8) for i in (5, 5, 7, 7, 9)]
    for order in itertools.permutations(maps):
        assert majority(order, "a").tolist() == [[255]]


def test_resolve_rejects_maps_of_two_sizes_for_one_image():
    with pytest.raises(AnnotationError, match="1x1, 2x1"):
        resolve([by("ann", [1]), by("bob", [1, 2])], "consensus")


def test_agreement_is_the_mean_iou_by_hand():
    # ann and bob over both images: class 0: 2 of 3 pixels shared, class 1: 1 of 2, ignored: 1.
    votes = [by("ann", [0, 0, 0, 1, 255]), by("bob", [0, 0, 1, 1, 1])]
    shown = (np.array([[0, 0, 0, 0, 0]], np.uint8), np.array([[5]], np.uint8))
    ann, bob = agreement(votes, [by("ann", [5], image_id="b")], shown=shown)
    assert (ann.annotator, ann.images, bob.annotator, bob.images) == ("ann", 2, "bob", 1)
    assert ann.with_others == bob.with_others == pytest.approx((2 / 3 + 1 / 2) / 2)
    assert ann.with_prediction == pytest.approx((3 / 4 + 0 + 1) / 3)
    assert bob.with_prediction == pytest.approx((2 / 5 + 0) / 2)


def test_agreement_is_none_without_anything_to_compare():
    (ann,) = agreement([by("ann", [0])])
    assert ann.with_others is None
    assert ann.with_prediction is None
    pair = agreement([by("ann", [255]), by("bob", [1])])
    assert [a.with_others for a in pair] == [None, None]
