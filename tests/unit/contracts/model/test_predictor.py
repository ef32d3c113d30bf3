"""Batches, windows, flips and scales give the same as one view at a time."""

import tracemalloc
from types import SimpleNamespace

import keras
import numpy as np
import pytest
import tensorflow as tf

from components.contracts.model import predictor as module
from components.contracts.model.predictions import predictions
from components.contracts.model.predictor import Predictor, pad_to_stride
from components.contracts.model.windows import starts
from components.contracts.recipe.inference import InferenceSettings

pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation doesn't accept a copy")


@pytest.fixture(scope="module")
def generator():
    """A network that sees neighbourhoods, so that borders, padding and mirroring matter."""
    keras.utils.set_random_seed(1)
    image = keras.Input((None, None, 3))
    layer = keras.layers.Rescaling(1 / 64)(image)
    layer = keras.layers.Conv2D(8, 5, padding="same", activation="relu")(layer)
    return keras.Model(image, keras.layers.Conv2D(19, 3, padding="same")(layer))


def _images(*shape):
    return np.random.default_rng(2).integers(0, 256, (*shape, 3)).astype(np.uint8)


def _one_by_one(generator, settings, image, size):
    """Predict by the definition: every view and every window alone, each resized on its own."""
    total = np.zeros((*size, 19))
    for scale in settings.scales:
        zoomed = tf.image.resize(
            tf.cast(image, tf.float32), [round(n * scale) for n in image.shape[:2]]
        )
        for mirrored in (False, True) if settings.flip else (False,):
            view = np.asarray(zoomed)[:, ::-1] if mirrored else np.asarray(zoomed)
            height, width = view.shape[:2]
            window = settings.window or (height, width)
            summed, times = np.zeros((height, width, 19)), np.zeros((height, width, 1))
            for top in starts(height, window[0], settings.overlap):
                for left in starts(width, window[1], settings.overlap):
                    part = np.s_[top : top + window[0], left : left + window[1]]
                    piece = view[part]
                    logits = generator(pad_to_stride(piece)[None], training=False)
                    softmax = tf.nn.softmax(logits)[0, : piece.shape[0], : piece.shape[1]]
                    summed[part] += softmax.numpy()
                    times[part] += 1
            mean = summed / times
            total += tf.image.resize(mean[:, ::-1] if mirrored else mean, size).numpy()
    return total / total.sum(-1, keepdims=True)


@pytest.mark.parametrize("pixels", [1, 10**9])
@pytest.mark.parametrize(
    "how",
    [
        {},
        {"flip": True},
        {"scales": (0.75, 1.0), "flip": True},
        {"window": (32, 32)},
        {"window": (33, 40), "overlap": 0.5, "flip": True, "scales": (1.0, 1.5)},
    ],
    ids=["whole", "flip", "scales", "windows", "all"],
)
def test_batches_equal_one_view_at_a_time(generator, monkeypatch, how, pixels):
    monkeypatch.setattr(module, "PIXELS_PER_BATCH", {"CPU": pixels, "GPU": pixels})
    settings = InferenceSettings(**how)
    images, size = _images(2, 40, 50), (60, 70)
    batch = Predictor(generator, settings).batch(images, size)
    assert batch.shape == (2, *size, 19)
    for image, probabilities in zip(images, batch, strict=True):
        np.testing.assert_allclose(
            probabilities, _one_by_one(generator, settings, image, size), rtol=1e-4, atol=1e-5
        )


def test_probabilities_are_a_batch_of_one_at_the_images_own_size(generator):
    image = _images(40, 60)
    probabilities = Predictor(generator).probabilities(image)
    assert probabilities.shape == (40, 60, 19)
    assert probabilities.dtype == np.float32
    np.testing.assert_allclose(probabilities.sum(-1), 1, rtol=1e-5)


def test_predictions_group_records_by_size_and_keep_their_order(generator, monkeypatch):
    """Three sizes, of image or of label alone; at most two images of 20x30 in a batch."""
    monkeypatch.setattr(module, "PIXELS_PER_BATCH", {"CPU": 1250, "GPU": 1250})
    sizes = [((20, 30), (20, 30))] * 3 + [((20, 30), (40, 60))] + [((10, 30), (20, 30))] * 2
    stored = {
        f"i{n}": SimpleNamespace(image_id=f"i{n}", image=_images(*size), label=np.zeros(truth))
        for n, (size, truth) in enumerate(sizes)
    }
    records = SimpleNamespace(read=stored.__getitem__)
    batches = []
    predictor = Predictor(generator)
    decide = predictor.decide

    def counted(images, size):
        batches.append(len(images))
        return decide(images, size)

    monkeypatch.setattr(predictor, "decide", counted)
    results = list(predictions(predictor, records, list(stored)))
    assert batches == [2, 1, 1, 2]
    assert [image_id for image_id, *_ in results] == list(stored)
    for image_id, image, truth, classes, confidence in results:
        assert image is stored[image_id].image
        assert truth is stored[image_id].label
        alone = predictor.probabilities(image, truth.shape)
        np.testing.assert_allclose(confidence, alone.max(-1), atol=1e-5)
        chosen = np.take_along_axis(alone, classes[..., None].astype(int), -1)[..., 0]
        np.testing.assert_allclose(chosen, alone.max(-1), atol=1e-5)


@pytest.mark.parametrize("strip", [1, 97, 2**20])
@pytest.mark.parametrize("size", [None, (1, 1), (97, 131), (20, 25), (300, 7), (41, 50)])
def test_strips_equal_the_whole_to_the_bit(generator, monkeypatch, size, strip):
    """Compared with TensorFlow's resize of all rows at once, as it was before there were strips."""
    monkeypatch.setattr(module.strips, "_PIXELS_PER_STRIP", strip)
    predictor = Predictor(generator, InferenceSettings(flip=True, scales=(0.5, 1.0, 1.25)))
    images = _images(2, 40, 50)
    size = size or images.shape[1:3]
    zooms = [(20, 25), (40, 50), (50, 62)]
    maps = [predictor._whole(images, zoom) for zoom in zooms]
    total = sum(tf.image.resize(zoom, size).numpy() for zoom in maps)
    whole = total / total.sum(-1, keepdims=True)
    np.testing.assert_array_equal(predictor.batch(images, size), whole)
    for image, decision, expected in zip(
        images, predictor.decide(images, size), whole, strict=True
    ):
        np.testing.assert_array_equal(decision.classes, expected.argmax(-1))
        np.testing.assert_array_equal(decision.confidence, expected.max(-1))
        assert decision.classes.dtype == np.uint8
        np.testing.assert_array_equal(
            predictor.classes(image, size), predictor.probabilities(image, size).argmax(-1)
        )


def test_a_large_photo_is_decided_in_little_memory():
    """Twelve megapixels in floats are 900 MB; the label map itself has 12."""
    maps = [module.strips.Whole(np.random.default_rng(0).random((96, 128, 19), np.float32))]
    tracemalloc.start()
    classes = module.strips.classes(maps, (3000, 4000))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert classes.shape == (3000, 4000)
    assert peak < 60 * 2**20


def test_inference_settings_have_words_for_reports():
    assert InferenceSettings().words == "whole"
    shown = InferenceSettings(flip=True, scales=(0.75, 1.0), window=(64, 96))
    assert shown.words == "in windows of 64x96, mirrored too, at 0.75, 1 times its size"


@pytest.mark.parametrize("size", [(1, 1), (31, 33), (64, 32)])
def test_pad_to_stride_repeats_the_border_and_keeps_the_image(size):
    image = np.random.default_rng(0).integers(0, 256, (*size, 3)).astype(np.uint8)
    padded = pad_to_stride(image)
    assert padded.dtype == np.uint8
    assert padded.shape[0] % 32 == padded.shape[1] % 32 == 0
    assert padded.shape[0] - size[0] < 32
    np.testing.assert_array_equal(padded[: size[0], : size[1]], image)
    np.testing.assert_array_equal(padded[-1, -1], image[-1, -1])
