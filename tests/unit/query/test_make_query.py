"""From records to a query: what is looked at, what is chosen, and why in words."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import keras
import numpy as np
import pytest

from components.contracts.model.embedding import Embedder, standardised
from components.contracts.model.predictor import Predictor
from components.contracts.process.errors import StreetloopError
from components.contracts.recipe.inference import InferenceSettings
from components.contracts.recipe.networks import EncoderSettings, NetworkSettings
from components.contracts.recipe.query import QuerySettings
from components.query.ask import facts_for, make_query
from components.query.drift import divergence
from components.query.facts import pool_of
from components.query.look import Model, look
from components.query.second_look import second_look
from components.train.networks.generator import build_generator

IDS = [f"city_000000_{30 * k:06d}" for k in range(8)]


class FakeRecords:
    """Each image is one grey value: how sure the model is, in percent."""

    def __init__(self, sure: dict[str, int]) -> None:
        self.sure = sure
        self.entries = {i: SimpleNamespace(city="city") for i in sure}

    def ids(self, split: str) -> list[str]:
        return sorted(self.sure)

    def read(self, image_id: str) -> Any:
        return SimpleNamespace(image=np.full((4, 6, 3), self.sure[image_id], np.uint8))


class FakePredictor:
    """As sure of class 13 (car) as the image is bright; the rest is shared by the others."""

    def sees_alone(self, size: tuple[int, int]) -> bool:
        return False

    def without_flip(self) -> FakePredictor:
        return self

    def probabilities(self, image: np.ndarray) -> np.ndarray:
        sure = image[..., :1] / np.float32(100)
        out = np.repeat((1 - sure) / 18, 19, axis=-1).astype(np.float32)
        out[..., 13:14] = sure
        return out


class FakeEmbedder:
    def embed(self, image: np.ndarray) -> np.ndarray:
        return np.array([image.mean(), 1.0], np.float32)


MODEL = Model(FakePredictor(), FakeEmbedder())  # type: ignore[arg-type]
RECORDS: Any = FakeRecords(dict(zip(IDS, [90, 80, 70, 60, 50, 40, 30, 20], strict=True)))


def query(strategy: str, count: int = 3, model: Model | None = MODEL, **settings: Any) -> Any:
    chosen = QuerySettings.model_validate({"strategy": strategy, "min_gap": 0} | settings)
    return make_query(RECORDS, IDS[1:], IDS[:1], chosen, count, model, (1, 2))


def test_a_query_asks_first_where_the_model_is_least_certain() -> None:
    made = query("entropy")
    assert [s.image_id for s in made.chosen] == [IDS[7], IDS[6], IDS[5]]
    assert list(made.scores) == IDS[1:]
    assert made.scores[IDS[7]] == made.chosen[0].score
    assert (made.strategy, made.why) == ("entropy", "")


def test_the_reason_names_classes_and_the_distance_in_time() -> None:
    (first,) = query("entropy", 1).chosen
    assert first.reason == (
        "the model hesitates between many classes; uncertain at car; "
        "7 frames from the nearest labeled or requested image"
    )


def test_a_gap_in_time_applies_to_every_strategy_but_chance() -> None:
    frames = [IDS.index(s.image_id) for s in query("entropy", 2, min_gap=4).chosen]
    assert frames == [7, 3]
    everything = query("random", 7, min_gap=4)
    assert sorted(s.image_id for s in everything.chosen) == IDS[1:]


def test_a_cold_start_is_drawn_evenly_whatever_the_recipe_says() -> None:
    assert query("kcenter_entropy", model=None).strategy == "stratified"
    assert query("auto", model=None).strategy == "stratified"
    assert query("random", model=None).strategy == "random"


def test_a_cold_start_with_an_encoder_asks_for_what_looks_typical() -> None:
    alike: Any = FakeRecords(dict(zip(IDS, [90, 90, 91, 10, 10, 11, 12, 12], strict=True)))
    settings = QuerySettings(strategy="entropy", min_gap=0)
    beginner: Any = FakeEmbedder()
    made = make_query(alike, IDS[1:], IDS[:1], settings, 1, None, (1, 2), beginner=beginner)
    assert made.strategy == "typical"
    assert [s.image_id for s in made.chosen] == [IDS[5]], "the bright group has a labeled image"
    assert made.chosen[0].reason == (
        "typical of a group of images that look alike; 5 frames from the nearest labeled or requested image"
    )
    assert (list(made.scores), made.drift) == (IDS[1:], None)


def test_chance_depends_on_the_seed_and_the_cycle_and_not_on_the_order_of_ids() -> None:
    settings = QuerySettings(strategy="random")

    def drawn(seed: tuple[int, int], ids: list[str]) -> list[str]:
        made = make_query(RECORDS, ids, [], settings, 3, None, seed)
        return [s.image_id for s in made.chosen]

    assert drawn((1, 2), IDS) == drawn((1, 2), IDS[::-1])
    assert len({tuple(drawn((seed, cycle), IDS)) for seed in range(3) for cycle in range(3)}) > 3


def test_auto_says_what_it_uses_and_why() -> None:
    made = query("auto")
    assert made.strategy in ("kcenter_entropy", "facility_entropy")
    assert made.why.startswith("The pool is")


def test_look_reports_progress_over_candidates_and_labeled_images() -> None:
    seen: list[int] = []
    facts = look(MODEL, RECORDS, IDS[2:], IDS[:2], progress=seen.append)
    pool = pool_of(RECORDS, IDS[2:], IDS[:2], facts)
    assert seen == list(range(1, 9))
    assert pool.embeddings.shape == (6, 2)
    assert pool.labeled_embeddings.shape == (2, 2)
    assert pool.labeled.rank.tolist() == [0, 1]
    np.testing.assert_allclose(
        pool.class_uncertainty.sum(1), pool.uncertainty["entropy"], rtol=1e-5
    )
    assert pool.labeled_share[13] == pytest.approx(0.85, abs=1e-6)


def test_disagreement_needs_the_mirrored_image() -> None:
    class LeftSide(FakePredictor):
        """Sure on the left of what it sees, and only there."""

        def probabilities(self, image: np.ndarray) -> np.ndarray:
            out = super().probabilities(image)
            out[:, 3:] = np.roll(out[:, 3:], 1, -1)
            return out

    model = Model(LeftSide(), FakeEmbedder())  # type: ignore[arg-type]
    again = {"disagreement": second_look("disagreement", model, 2, np.random.default_rng(0))}
    facts = look(model, RECORDS, IDS[1:], IDS[:1], again)
    assert all(facts[i].uncertainty["disagreement"] > 0.1 for i in IDS[1:4])
    once = look(model, RECORDS, IDS[1:], IDS[:1])
    assert not [i for i, seen in once.items() if "disagreement" in seen.uncertainty]


@pytest.mark.parametrize(
    "shown", [{}, {"scales": (0.75, 1.0)}, {"window": (32, 32)}], ids=["whole", "scales", "windows"]
)
def test_disagreement_is_that_of_single_views_if_predictions_average_over_the_mirrored_image(
    shown: dict[str, Any],
) -> None:
    keras.utils.set_random_seed(1)
    encoder = EncoderSettings(name="unet", base=4, depth=2)
    generator = build_generator(NetworkSettings(encoder=encoder, decoder_width=4))
    image = np.random.default_rng(0).integers(0, 256, (64, 64, 3), np.uint8)

    def doubt(flip: bool) -> np.ndarray:
        predictor = Predictor(generator, InferenceSettings(flip=flip, **shown))
        model = Model(predictor, Embedder(generator))
        look_again = second_look("disagreement", model, 2, np.random.default_rng(0))
        return look_again(image, predictor.probabilities(image))

    assert doubt(flip=False).mean() > 1e-3
    np.testing.assert_allclose(doubt(flip=True), doubt(flip=False), atol=1e-5)


def test_what_bald_leaves_out_depends_on_the_seed_and_not_on_the_order_or_part_of_ids() -> None:
    keras.utils.set_random_seed(1)  # weights by chance may leave nothing to disagree about
    encoder = EncoderSettings(name="unet", base=4, depth=2)
    generator = build_generator(NetworkSettings(encoder=encoder, decoder_width=4, dropout=0.5))
    model = Model(Predictor(generator), Embedder(generator))
    settings = QuerySettings(strategy="bald", samples=3)

    def ignore(image_id: str, probabilities: np.ndarray) -> None: ...

    def scores(ids: list[str], *seed: int) -> dict[str, float]:
        return make_query(RECORDS, ids, [], settings, 2, model, (seed[0], seed[1])).scores

    found = scores(IDS, 1, 2)
    assert found == pytest.approx(scores(IDS[::-1], 1, 2), rel=1e-4)
    assert all(0 < score < 1 for score in found.values())
    assert found != pytest.approx(scores(IDS, 1, 3), rel=1e-2)
    parts = ([IDS[k] for k in part] for part in ((3, 0, 6), (1, 7, 2)))
    facts = [facts_for(RECORDS, ids, [], settings, model, (1, 2), ignore) for ids in parts]
    seen = facts[0] | facts[1]  # and two images are left
    assert make_query(
        RECORDS, IDS, [], settings, 2, model, (1, 2), seen=seen
    ).scores == pytest.approx(found, rel=1e-4)
    fewer = make_query(RECORDS, IDS[1:], [], settings, 2, model, (1, 2), seen=seen).scores
    # The first has become a probe, or was skipped, after a part had looked at it.
    assert fewer == pytest.approx({i: found[i] for i in IDS[1:]}, rel=1e-4)


def test_a_number_that_is_not_finite_stops_the_query_and_names_the_image() -> None:
    class Broken(FakePredictor):
        def probabilities(self, image: np.ndarray) -> np.ndarray:
            return super().probabilities(image) * np.float32("nan")

    model = Model(Broken(), FakeEmbedder())  # type: ignore[arg-type]
    with pytest.raises(StreetloopError, match=f"output for {IDS[1]} is not finite"):
        look(model, RECORDS, IDS[1:], [])


def test_embeddings_are_standardised_over_the_train_part() -> None:
    points = standardised(np.array([[1.0, 5.0], [3.0, 5.0]], np.float32))
    np.testing.assert_allclose(points, [[-1, 0], [1, 0]])


def test_the_embedder_pools_the_coarse_features_of_a_generator() -> None:

    image = keras.Input((None, None, 3))
    fine = keras.layers.Conv2D(2, 1, 4, name="fine")(image)
    fine = keras.layers.Identity(name="feature_s4")(fine)
    coarse = keras.layers.AveragePooling2D(8)(image)
    coarse = keras.layers.Identity(name="feature_s8")(coarse)
    generator = keras.Model(image, [fine, coarse])
    picture = np.zeros((40, 64, 3), np.uint8)
    picture[..., 1] = 100
    vector = Embedder(generator).embed(picture)
    np.testing.assert_allclose(vector, [0, 100, 0], atol=1e-4)


def test_a_query_compares_the_pool_with_the_labeled_images() -> None:
    chosen = QuerySettings(strategy="entropy", min_gap=0, drift_limit=0.001)
    made = make_query(RECORDS, IDS[4:], IDS[:4], chosen, 2, MODEL, (1, 2))
    assert made.drift is not None
    assert (made.drift.images, made.drift.labeled, made.drift.limit) == (4, 4, 0.001)
    # Confidence is the image's brightness: 0.9 to 0.6 where labeled, 0.5 to 0.2 in the pool.
    assert made.drift.confidence == pytest.approx(-0.4, abs=1e-3)
    # Car takes 0.35 of the pool and 0.75 of the labeled images; the others share the rest.
    pool, labeled = np.full(19, 0.65 / 18), np.full(19, 0.25 / 18)
    pool[13], labeled[13] = 0.35, 0.75
    assert made.drift.classes == pytest.approx(divergence(pool, labeled), abs=1e-4)
    assert made.drift.exceeded
    waiting = make_query(
        *(RECORDS, IDS[4:], IDS[:4], chosen, 2, MODEL, (1, 2)), unanswered=[IDS[0], IDS[2]]
    ).drift
    assert waiting is not None
    assert (waiting.images, waiting.labeled) == (4, 2)
    assert waiting.confidence == pytest.approx(0.35 - (0.8 + 0.6) / 2, abs=1e-3)
    too_few = make_query(*(RECORDS, IDS[4:], IDS[:4], chosen, 2, MODEL, (1, 2)), unanswered=IDS[:3])
    assert too_few.drift is None
    assert too_few.scores == made.scores
    assert query("random", model=None).drift is None
