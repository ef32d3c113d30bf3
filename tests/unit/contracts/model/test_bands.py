"""Large images are predicted in parts, with the same result to the bit."""

import keras
import numpy as np
import pytest

from components.contracts.model import bands
from components.contracts.model import predictor as predictor_module
from components.contracts.model.bands import Span, in_bands, spans
from components.contracts.model.predictor import Predictor
from components.contracts.model.reach import reach_of
from components.contracts.recipe.inference import InferenceSettings
from components.contracts.recipe.networks import NetworkSettings
from components.train.networks.generator import build_generator

pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation doesn't accept a copy")
LARGE = (300, 250)


@pytest.fixture(scope="module")
def generator():
    """A real one, of which every part matters: pools, skips, separable convolutions, upsampling."""
    keras.utils.set_random_seed(1)
    settings = {"encoder": {"name": "unet", "base": 4, "depth": 2}, "decoder_width": 4}
    network = build_generator(NetworkSettings.model_validate(settings))
    rng = np.random.default_rng(0)
    network.set_weights(
        [rng.uniform(0.1, 1, w.shape) - 0.3 * (w.ndim > 1) for w in network.get_weights()]
    )
    return network


def image_of(*size):
    return np.random.default_rng(2).integers(0, 256, (*size, 3)).astype(np.uint8)


@pytest.mark.parametrize(
    "how",
    [
        {},
        {"flip": True, "scales": (0.5, 1.0, 1.25)},
        {"window": (64, 96), "overlap": 0.5},
        {"window": (70, 1000), "flip": True, "scales": (1.0, 1.5)},
        {"window": (1000, 64)},
    ],
    ids=["whole", "flips and zooms", "windows", "rows of windows", "columns of windows"],
)
@pytest.mark.parametrize("size", [LARGE, (130, 77)])
def test_parts_equal_the_whole_to_the_bit(generator, monkeypatch, how, size):
    predictor = Predictor(generator, InferenceSettings.model_validate(how))
    image = image_of(*LARGE)
    whole = predictor.probabilities(image, size)
    monkeypatch.setattr(bands, "LARGE", 1)
    monkeypatch.setattr(bands, "_SIDE", 96)
    assert predictor._in_parts(LARGE)
    parts = Predictor(generator, InferenceSettings.model_validate(how))
    np.testing.assert_array_equal(parts.probabilities(image, size), whole)
    np.testing.assert_array_equal(parts.classes(image, size), whole.argmax(-1))


def test_no_part_is_larger_than_announced(generator, monkeypatch):
    monkeypatch.setattr(bands, "_PART", 128 * 128)
    monkeypatch.setattr(bands, "_SIDE", 96)
    reach = reach_of(generator)
    assert 8 < reach <= 32
    sizes = set()

    def network(part):
        sizes.add(part.shape)
        return part

    image = image_of(500, 900)
    view = bands.View(image, (500, 900), mirrored=False)
    rows = np.concatenate(list(in_bands(network, view, reach)))
    np.testing.assert_array_equal(rows, image.astype(np.float32))
    assert sizes == {(1, 128, 512, 3)}


@pytest.mark.parametrize(("length", "part", "reach"), [(320, 128, 32), (352, 96, 32), (96, 96, 32)])
def test_spans_keep_each_place_once_and_see_what_is_around_it(length, part, reach):
    done = 0
    for start, stop, kept in spans(length, part, reach):
        assert (stop - start, kept.start, start % 32) == (part, done, 0)
        assert start == 0 or kept.start - start >= reach
        assert stop == length or stop - kept.stop >= reach
        done = kept.stop
    assert done == length
    assert spans(64, 96, 32) == [Span(0, 64, slice(0, 64))]


def test_reach_is_never_too_small(generator):
    """Seen from the outside: a change of one pixel moves no logit that is further away than that."""
    reach, middle = reach_of(generator), 64
    image = np.full((1, 128, 128, 3), 100, np.float32)
    changed = image.copy()
    changed[0, middle, middle] = 255
    moved = np.argwhere(np.asarray(generator(image)) != np.asarray(generator(changed)))
    assert len(moved)
    assert np.abs(moved[:, 1:3] - middle).max() <= reach


def test_reach_is_unknown_where_a_network_looks_at_the_whole_image():
    image = keras.Input((None, None, 3))
    pooled = keras.layers.GlobalAveragePooling2D(keepdims=True)(image)
    assert reach_of(keras.Model(image, keras.layers.Multiply()([image, pooled]))) is None
    assert reach_of(keras.Model(image, keras.layers.Conv2D(1, 5, padding="same")(image))) == 2


def test_a_network_of_unknown_reach_sees_large_images_at_once(monkeypatch):
    image = keras.Input((None, None, 3))
    pooled = keras.layers.GlobalAveragePooling2D(keepdims=True)(image)
    network = keras.Model(
        image, keras.layers.Conv2D(19, 1)(keras.layers.Multiply()([image, pooled]))
    )
    monkeypatch.setattr(bands, "LARGE", 1)
    predictor = Predictor(network)
    assert not predictor._in_parts(LARGE)
    assert predictor.classes(image_of(*LARGE)).shape == LARGE


def test_a_network_that_looks_everywhere_sees_huge_images_in_windows(monkeypatch):
    image = keras.Input((None, None, 3))
    pooled = keras.layers.GlobalAveragePooling2D(keepdims=True)(image)
    network = keras.Model(
        image, keras.layers.Conv2D(19, 1)(keras.layers.Multiply()([image, pooled]))
    )
    told = Predictor(network, InferenceSettings(window=(64, 96)))
    expected = told.classes(image_of(*LARGE))
    monkeypatch.setattr(bands, "LARGE", 1)
    monkeypatch.setattr(predictor_module, "WINDOW", (64, 96))
    monkeypatch.setattr(predictor_module, "TOO_LARGE", LARGE[0] * LARGE[1])
    assert not Predictor(network)._in_parts(LARGE)
    monkeypatch.setattr(predictor_module, "TOO_LARGE", LARGE[0] * LARGE[1] - 1)
    assert Predictor(network)._in_parts(LARGE)
    np.testing.assert_array_equal(Predictor(network).classes(image_of(*LARGE)), expected)


def test_a_huge_image_is_not_divided_into_windows_where_parts_are_small(generator, monkeypatch):
    whole = Predictor(generator).probabilities(image_of(*LARGE))
    monkeypatch.setattr(bands, "LARGE", 1)
    monkeypatch.setattr(bands, "_SIDE", 96)
    monkeypatch.setattr(predictor_module, "TOO_LARGE", 1)
    predictor = Predictor(generator)
    assert predictor._windows(LARGE) is None
    np.testing.assert_array_equal(predictor.probabilities(image_of(*LARGE)), whole)
