"""Encoders: strides, channels, weights and their errors."""

import keras
import numpy as np
import pytest

from components.contracts.model.encoders import efficientnet_lite
from components.contracts.model.encoders.build import build_encoder
from components.contracts.model.encoders.torch_state_dict import StateDictError, read_state_dict
from components.contracts.process.errors import StreetloopError
from components.contracts.recipe.networks import EncoderSettings

# TensorFlow 2.21's tensors do not know NumPy's `copy` argument yet; Keras meets it when it saves.
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation doesn't accept a copy")

LITE0 = efficientnet_lite.VARIANTS["efficientnet_lite0"]
IMAGENET = efficientnet_lite.imagenet_path(LITE0)


def _model(bn_momentum=0.9, **settings):
    image = keras.Input((None, None, 3))
    features = build_encoder(image, EncoderSettings(**settings), bn_momentum)
    return keras.Model(image, [feature.tensor for feature in features]), features


@pytest.fixture(scope="module")
def lite0():
    return _model(name="efficientnet_lite0", bn_momentum=0.85)[0]


def _image(seed=0, size=(64, 96)):
    return np.random.default_rng(seed).uniform(0, 255, (1, *size, 3)).astype(np.float32)


@pytest.mark.parametrize(
    ("settings", "strides", "channels"),
    [
        (
            {"name": "efficientnet_lite0", "weights": "none"},
            [2, 4, 8, 16, 32],
            [16, 24, 40, 112, 320],
        ),
        (
            {"name": "efficientnet_lite2", "weights": "none"},
            [2, 4, 8, 16, 32],
            [16, 24, 48, 120, 352],
        ),
        (
            {"name": "efficientnet_v2_m", "weights": "none"},
            [2, 4, 8, 16, 32],
            [24, 48, 80, 176, 512],
        ),
        ({"name": "unet", "base": 4, "depth": 3}, [1, 2, 4, 8], [4, 8, 16, 32]),
        (
            {"name": "mobilenet_v2", "weights": "none"},
            [2, 4, 8, 16, 32],
            [96, 144, 192, 576, 320],
        ),
        ({"name": "convnext_tiny", "weights": "none"}, [4, 8, 16, 32], [96, 192, 384, 768]),
    ],
)
def test_encoder_features_have_their_strides_and_channels(settings, strides, channels):
    model, features = _model(**settings)

    assert [feature.stride for feature in features] == strides
    shapes = [tuple(s) for s in model.compute_output_shape((1, 64, 96, 3))]
    assert shapes == [
        (1, 64 // stride, 96 // stride, c) for stride, c in zip(strides, channels, strict=True)
    ]


def test_lite0_starts_with_the_statistics_and_weights_of_the_file(lite0):
    tensors = read_state_dict(IMAGENET)

    norm = lite0.get_layer("lite0_block3_bn1")
    assert norm.epsilon == pytest.approx(1e-3)
    assert norm.momentum == 0.85
    for part, weight in zip(
        ("weight", "bias", "running_mean", "running_var"), norm.weights, strict=True
    ):
        np.testing.assert_array_equal(np.asarray(weight), tensors[f"_blocks.3._bn1.{part}"])
    depthwise = np.asarray(lite0.get_layer("lite0_block3_depthwise_conv").kernel)
    assert depthwise[1, 4, 7, 0] == tensors["_blocks.3._depthwise_conv.weight"][7, 0, 1, 4]
    stem = np.asarray(lite0.get_layer("lite0_conv_stem").kernel)
    assert stem[2, 0, 1, 5] == tensors["_conv_stem.weight"][5, 1, 2, 0]


def test_lite0_uses_every_tensor_of_the_file_except_the_head(lite0):
    tensors = read_state_dict(IMAGENET)
    used = sum(np.prod(weight.shape) for weight in lite0.weights)
    features = sum(
        value.size
        for name, value in tensors.items()
        if not name.startswith(("_conv_head", "_bn1.", "_fc")) and "num_batches" not in name
    )
    assert used == features


def test_lite0_activations_agree_with_a_forward_pass_by_hand(lite0):
    """The first block in NumPy: scaling, TensorFlow's "same" padding, batch norm, ReLU6."""
    tensors = read_state_dict(IMAGENET)
    image = _image(size=(32, 32))

    def norm(x, name):
        weight, bias, mean, variance = (
            tensors[f"{name}.{part}"] for part in ("weight", "bias", "running_mean", "running_var")
        )
        return (x - mean) / np.sqrt(variance + 1e-3) * weight + bias

    def patches(x, stride):  # "same" for kernel 3: stride 2 pads below and right only
        before = 1 if stride == 1 else 0
        x = np.pad(x, ((before, 1), (before, 1), (0, 0)))
        windows = np.lib.stride_tricks.sliding_window_view(x, (3, 3), (0, 1))
        return windows[::stride, ::stride]  # [H', W', C, 3, 3]

    x = (image[0].astype(np.float64) - 127) / 128
    x = np.einsum("hwcij,ocij->hwo", patches(x, 2), tensors["_conv_stem.weight"])
    x = np.clip(norm(x, "_bn0"), 0, 6)
    kernel = tensors["_blocks.0._depthwise_conv.weight"][:, 0]
    x = np.einsum("hwcij,cij->hwc", patches(x, 1), kernel)
    x = np.clip(norm(x, "_blocks.0._bn1"), 0, 6)
    x = x @ tensors["_blocks.0._project_conv.weight"][:, :, 0, 0].T
    x = norm(x, "_blocks.0._bn2")

    finest = np.asarray(lite0(image, training=False)[0])[0]
    np.testing.assert_allclose(finest, x, atol=1e-4)


def test_lite0_features_are_finite_and_the_size_of_imagenet_features(lite0):
    for feature in lite0(_image(), training=False):
        values = np.asarray(feature)
        assert np.isfinite(values).all()
        assert 0.1 < values.std() < 30


def test_unet_follows_its_settings():
    model, _ = _model(name="unet", base=4, depth=2, bn_momentum=0.7)
    norms = [layer for layer in model.layers if type(layer).__name__ == "BatchNormalization"]
    assert len(norms) == 6
    assert {norm.momentum for norm in norms} == {0.7}


def test_application_takes_the_batch_norm_momentum_and_weights_from_a_path(tmp_path):
    path = str(tmp_path / "mobilenet.weights.h5")
    backbone = keras.applications.MobileNetV2(
        include_top=False, weights=None, input_shape=(64, 64, 3)
    )
    backbone.get_layer("bn_Conv1").set_weights([np.full(32, value) for value in (2, 3, 4, 5)])
    backbone.save_weights(path)

    model, _ = _model(name="mobilenet_v2", weights=path, bn_momentum=0.7)

    norm = model.get_layer("bn_Conv1")
    assert [float(np.asarray(weight)[0]) for weight in norm.weights] == [2, 3, 4, 5]
    assert norm.momentum == 0.7


def test_resnet_sees_bgr_minus_the_imagenet_mean():
    image = keras.Input((None, None, 3))
    from components.contracts.model.encoders.applications import APPLICATIONS

    scale = keras.Model(image, APPLICATIONS["resnet50"].scale(image))
    seen = np.asarray(scale(np.array([[[[10.0, 20.0, 30.0]]]], np.float32)))[0, 0, 0]
    np.testing.assert_allclose(seen, [30 - 103.939, 20 - 116.779, 10 - 123.68], rtol=1e-5)


def test_application_advises_when_imagenet_weights_cannot_be_downloaded(monkeypatch):
    def no_network(**_):
        raise Exception("URL fetch failure on https://example.org/weights.h5")

    monkeypatch.setattr(keras.applications, "ResNet50", no_network)
    with pytest.raises(StreetloopError, match=r"URL fetch failure.*efficientnet_lite0"):
        _model(name="resnet50", weights="imagenet")


def test_encoder_rejects_weights_of_another_network_and_missing_files(tmp_path):
    with pytest.raises(StreetloopError, match="file not found"):
        _model(name="resnet50", weights=str(tmp_path / "none.h5"))
    broken = tmp_path / "broken.weights.h5"
    broken.write_bytes(b"not a weights file")
    with pytest.raises(StreetloopError, match="mobilenet_v2 without its top"):
        _model(name="mobilenet_v2", weights=str(broken))
    with pytest.raises(StateDictError, match=r"broken\.weights\.h5"):
        _model(name="efficientnet_lite0", weights=str(broken))


def test_lite0_names_a_missing_tensor_and_one_of_the_wrong_shape(monkeypatch):
    tensors = read_state_dict(IMAGENET)
    del tensors["_bn0.bias"]
    monkeypatch.setattr(efficientnet_lite, "read_state_dict", lambda _: tensors)
    with pytest.raises(StateDictError, match=r"_bn0\.bias.*not found"):
        _model(name="efficientnet_lite0")
    tensors["_bn0.bias"] = np.zeros(31, np.float32)
    with pytest.raises(StateDictError, match=r"_bn0 in .* has the wrong shape"):
        _model(name="efficientnet_lite0")
    tensors["_conv_stem.weight"] = np.zeros((32, 27), np.float32)
    with pytest.raises(StateDictError, match=r"_conv_stem in .* has the wrong shape"):
        _model(name="efficientnet_lite0")


def test_lite0_without_its_package_says_what_to_install(monkeypatch):
    elsewhere = LITE0._replace(distribution="no-such-package-here")
    monkeypatch.setitem(efficientnet_lite.VARIANTS, "efficientnet_lite0", elsewhere)
    with pytest.raises(StreetloopError, match=r"not found.*Install no-such-package-here"):
        _model(name="efficientnet_lite0")


def test_another_variant_of_the_family_needs_a_table_only(monkeypatch):
    wider = [stage._replace(channels=stage.channels + 8, repeats=1) for stage in LITE0.stages]
    variant = LITE0._replace(stages=tuple(wider))
    monkeypatch.setitem(efficientnet_lite.VARIANTS, "efficientnet_lite9", variant)

    image = keras.Input((64, 64, 3))
    features = efficientnet_lite.build("efficientnet_lite9", image, "none", 0.9)

    assert [tuple(feature.tensor.shape) for feature in features] == [
        (None, 32, 32, 24),
        (None, 16, 16, 32),
        (None, 8, 8, 48),
        (None, 4, 4, 120),
        (None, 2, 2, 328),
    ]
