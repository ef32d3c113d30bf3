import numpy as np
import pytest

from components.contracts.annotation import Annotation
from components.contracts.data.records import Entry
from components.contracts.recipe.feedback import FeedbackSettings
from components.feedback.checks import check, resize_nearest


def entry(split="train", height=4, width=8) -> Entry:
    return Entry(split, "", height, width, "", 0, 0)


ENTRIES = {
    "a": entry(),
    "b": entry(),
    "c": entry("dev"),
    "d": entry("val"),
    "e": entry("test"),
}
ALL = FeedbackSettings(max_ignore=1.0)
UNASKED = FeedbackSettings(max_ignore=1.0, allow_unasked=True)
RESIZE = FeedbackSettings(max_ignore=1.0, resize=True)


def annotation(image_id="a", train_ids=None) -> Annotation:
    train_ids = np.zeros((4, 8), np.uint8) if train_ids is None else train_ids
    return Annotation(image_id, train_ids, "eve", None, "x.json: task 1")


def refused_for(one: Annotation, settings: FeedbackSettings = ALL, asked=("a",)) -> str:
    accepted, refusals = check([one], ENTRIES, asked, settings)
    assert accepted == []
    (refusal,) = refusals
    assert refusal.name == f"x.json: task 1: image {one.image_id}, by eve"
    return refusal.reason


def test_check_accepts_an_annotation_that_was_asked_for_unchanged():
    one = annotation()
    accepted, refusals = check([one], ENTRIES, {"a"}, ALL)
    assert accepted[0].train_ids is one.train_ids
    assert refusals == []


def test_check_accepts_annotations_beside_a_rejected_one():
    accepted, refusals = check(
        [annotation("nobody"), annotation("a"), annotation("d")], ENTRIES, {"a"}, ALL
    )
    assert [a.image_id for a in accepted] == ["a"]
    assert len(refusals) == 2


def test_check_rejects_an_unknown_image():
    assert '"zzz"' in refused_for(annotation("zzz"), UNASKED)


@pytest.mark.parametrize(("image_id", "split"), [("c", "dev"), ("d", "val"), ("e", "test")])
def test_check_rejects_images_for_scoring_whatever_the_rules(image_id, split):
    reason = refused_for(annotation(image_id), UNASKED, asked=(image_id,))
    assert f"in {split}" in reason


def test_check_rejects_an_unasked_image_unless_allowed():
    assert "No query has asked" in refused_for(annotation("b"))
    accepted, _ = check([annotation("b")], ENTRIES, {"a"}, UNASKED)
    assert len(accepted) == 1


def test_check_names_both_sizes_when_it_rejects_one_and_resizes_if_allowed():
    half = annotation(train_ids=np.array([[1, 2, 3, 255], [4, 5, 6, 7]], np.uint8))
    reason = refused_for(half)
    assert "8x4" in reason
    assert "4x2" in reason
    accepted, _ = check([half], ENTRIES, {"a"}, RESIZE)
    expected = half.train_ids.repeat(2, 0).repeat(2, 1)
    np.testing.assert_array_equal(accepted[0].train_ids, expected)


@pytest.mark.parametrize("shape", [(8, 4), (4, 6), (8, 8), (400, 700)])
def test_check_rejects_another_shape_even_if_resizing_is_on(shape):
    other = annotation(train_ids=np.zeros(shape, np.uint8))
    assert "shapes differ" in refused_for(other, RESIZE)


def test_check_accepts_a_side_that_was_rounded():
    entries = {"a": entry("train", 1080, 1920)}
    rounded = annotation(train_ids=np.zeros((333, 592), np.uint8))  # 333 x 16 / 9
    accepted, _ = check([rounded], entries, {"a"}, RESIZE)
    assert accepted[0].train_ids.shape == (1080, 1920)


def test_resize_nearest_takes_the_middle_of_each_block_and_invents_no_class():
    train_ids = np.arange(9, dtype=np.uint8)[None].repeat(9, 0)
    assert resize_nearest(train_ids, 3, 3)[0].tolist() == [1, 4, 7]
    assert resize_nearest(np.array([[0, 18]], np.uint8), 1, 4).tolist() == [[0, 0, 18, 18]]


def test_check_rejects_a_map_without_a_class():
    assert "No pixel has a class" in refused_for(annotation(train_ids=np.full((4, 8), 255, "u1")))


def test_check_rejects_too_large_a_share_without_a_class():
    train_ids = np.zeros((4, 8), np.uint8)
    train_ids[0] = 255  # a quarter
    assert "25.0%" in refused_for(annotation(train_ids=train_ids), FeedbackSettings(max_ignore=0.2))
    one = annotation(train_ids=train_ids)
    assert len(check([one], ENTRIES, {"a"}, FeedbackSettings(max_ignore=0.25)).accepted) == 1
