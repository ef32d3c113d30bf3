"""One pass of a generator gives the prediction and the description that two passes gave."""

import keras
import numpy as np
import pytest

from components.contracts.model import predictor as module
from components.contracts.model.describer import Describer
from components.contracts.model.embedding import Embedder
from components.contracts.model.predictor import Predictor
from components.contracts.recipe.inference import InferenceSettings
from components.contracts.recipe.networks import EncoderSettings, NetworkSettings
from components.train.networks.generator import build_generator

IMAGE = np.random.default_rng(2).integers(0, 256, (40, 70, 3)).astype(np.uint8)


@pytest.fixture(scope="module")
def generator() -> keras.Model:
    keras.utils.set_random_seed(1)
    encoder = EncoderSettings(name="unet", base=4, depth=4)
    return build_generator(NetworkSettings(encoder=encoder, decoder_width=4))


@pytest.mark.parametrize(
    "how",
    [
        {},
        {"flip": True},
        {"scales": (0.5,)},
        {"scales": (0.5, 1.0)},
        {"flip": True, "scales": (1.0, 1.5)},
        {"window": (32, 32)},
        {"window": (64, 96), "flip": True},
    ],
    ids=["whole", "flip", "another size", "two sizes", "all", "windows", "one window"],
)
@pytest.mark.parametrize("pixels", [1, 10**9])
def test_a_description_is_the_prediction_and_the_embedding_to_the_bit(
    generator, monkeypatch, how, pixels
):
    monkeypatch.setattr(module, "PIXELS_PER_BATCH", {"CPU": pixels, "GPU": pixels})
    predictor, embedder = Predictor(generator, InferenceSettings(**how)), Embedder(generator)
    probabilities, vector = Describer(predictor, embedder).describe(IMAGE)
    np.testing.assert_array_equal(probabilities, predictor.probabilities(IMAGE))
    np.testing.assert_array_equal(vector, embedder.embed(IMAGE))
    assert len(vector) > 1
    assert vector.std() > 0


@pytest.mark.parametrize(
    ("how", "pixels", "passes"),
    [
        ({}, 10**9, []),
        ({"scales": (0.5, 1.0)}, 10**9, [(32, 64)]),
        ({"flip": True}, 1, [(64, 96)]),
        ({"flip": True}, 10**9, [(64, 96), "embed"]),
        ({"window": (32, 32)}, 10**9, [(32, 32), "embed"]),
    ],
)
def test_a_pass_is_shared_where_the_network_sees_the_image_as_it_is(
    generator, monkeypatch, how, pixels, passes
):
    """What is left to the predictor and the embedder: views by their padded size."""
    monkeypatch.setattr(module, "PIXELS_PER_BATCH", {"CPU": pixels, "GPU": pixels})
    predictor, embedder = Predictor(generator, InferenceSettings(**how)), Embedder(generator)
    left, trace, embed = [], predictor._network, embedder.embed
    monkeypatch.setattr(predictor, "_network", lambda size: left.append(size) or trace(size))
    monkeypatch.setattr(embedder, "embed", lambda image: left.append("embed") or embed(image))
    Describer(predictor, embedder).describe(IMAGE)
    assert left == passes
