"""Optimizers: fused ones do what Keras's do, and both decay kernels alone, by hand."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf

from components.train.networks.optimizers import FusedAdam, FusedAdamW, generator_optimizer
from tests.support.fits import settings_of

SHAPES = ((3, 3, 4, 8), (8,), ())


def moved(optimizer: keras.optimizers.Optimizer, steps: int) -> list[np.ndarray]:
    """Return variables after some steps with gradients of very different sizes and rates."""
    rng = np.random.default_rng(0)
    variables = [keras.Variable(rng.normal(size=shape).astype(np.float32)) for shape in SHAPES]
    optimizer.build(variables)

    @tf.function(autograph=False)
    def step(gradients: list[tf.Tensor]) -> None:
        optimizer.apply_gradients(zip(gradients, variables, strict=True))

    for number in range(steps):
        optimizer.learning_rate = 0.01 / (1 + number)
        size = 10.0 ** rng.integers(-4, 3)
        step([tf.constant(size * rng.normal(size=s), tf.float32) for s in SHAPES])
    return [np.asarray(v) for v in (*variables, *optimizer.variables)]


@pytest.mark.parametrize(
    ("fused", "kerass", "settings"),
    [
        (FusedAdam, keras.optimizers.Adam, {"beta_1": 0.9, "beta_2": 0.99}),
        (FusedAdamW, keras.optimizers.AdamW, {"weight_decay": 0.05, "global_clipnorm": 5.0}),
    ],
)
def test_fused_adam_moves_variables_and_moments_as_keras_does(
    fused: Any, kerass: Any, settings: dict[str, float]
) -> None:
    ours = moved(fused(0.01, **settings), 8)
    theirs = moved(kerass(0.01, **settings), 8)
    assert len(ours) == len(theirs)
    for one, other in zip(ours, theirs, strict=True):
        np.testing.assert_allclose(one, other, rtol=2e-5, atol=1e-7)


def test_fused_adam_takes_fewer_operations_than_keras() -> None:
    def nodes(optimizer: keras.optimizers.Optimizer) -> int:
        variables = [keras.Variable(np.zeros(3, np.float32)) for _ in range(20)]
        optimizer.build(variables)
        step = tf.function(
            lambda g: optimizer.apply_gradients([(g, v) for v in variables]), autograph=False
        )
        graph = step.get_concrete_function(tf.TensorSpec([3])).graph
        return len(graph.get_operations())

    assert nodes(FusedAdam(0.01)) < nodes(keras.optimizers.Adam(0.01)) / 2


def by_hand(name: str, value: np.ndarray, gradients: list[np.ndarray], decay: float) -> np.ndarray:
    """Return a variable after a step per gradient, at a learning rate of 0.1."""
    first, second = np.zeros_like(value), np.zeros_like(value)
    for number, gradient in enumerate(gradients, 1):
        value = value - 0.1 * decay * value
        if name == "sgd":
            first = 0.9 * first - 0.1 * gradient
            value = value + first
            continue
        first = 0.9 * first + 0.1 * gradient
        second = 0.999 * second + 0.001 * gradient**2
        # Keras's epsilon is the "epsilon hat" of Kingma & Ba (2015), section 2.
        rate = 0.1 * np.sqrt(1 - 0.999**number) / (1 - 0.9**number)
        value = value - rate * first / (np.sqrt(second) + 1e-7)
    return value


@pytest.mark.parametrize("precision", ["float32", "mixed_float16"])
@pytest.mark.parametrize("decay", [0.0, 0.5])
@pytest.mark.parametrize("name", ["adamw", "sgd"])
def test_generator_optimizer_decays_kernels_and_no_scales_or_offsets(
    name: str, decay: float, precision: str
) -> None:
    layers = [keras.layers.Conv2D(3, 3), keras.layers.BatchNormalization()]
    model = keras.Sequential([keras.Input((4, 4, 2)), *layers])
    variables = model.trainable_variables
    assert [v.name for v in variables] == ["kernel", "bias", "gamma", "beta"]
    rng = np.random.default_rng(1)
    before = [rng.normal(size=v.shape).astype(np.float32) for v in variables]
    gradients = [[rng.normal(size=v.shape).astype(np.float32) for v in variables] for _ in "ab"]
    settings = settings_of(
        precision=precision,
        optimizer={"name": name, "learning_rate": 0.1, "weight_decay": decay, "clip_norm": 1e6},
    )
    optimizer = generator_optimizer(settings, variables)
    for variable, value in zip(variables, before, strict=True):
        variable.assign(value)
    for step in gradients:
        scaled = [np.asarray(optimizer.scale_loss(gradient)) for gradient in step]
        optimizer.apply_gradients(zip(map(tf.constant, scaled), variables, strict=True))
    for place, variable in enumerate(variables):
        wanted = by_hand(
            name,
            before[place],
            [step[place] for step in gradients],
            decay if variable.name == "kernel" else 0.0,
        )
        np.testing.assert_allclose(variable, wanted, rtol=1e-4, atol=1e-5, err_msg=variable.name)


@pytest.mark.parametrize("precision", ["float32", "mixed_float16"])
@pytest.mark.parametrize("name", ["adamw", "sgd"])
def test_encoder_decays_at_its_share_of_the_learning_rate(name: str, precision: str) -> None:
    layers = [
        keras.layers.Dense(2, name=layer, kernel_initializer="ones", bias_initializer="ones")
        for layer in ("lite0_conv_stem", "logits")
    ]
    variables = keras.Sequential([keras.Input((2,)), *layers]).trainable_variables
    chosen = {"name": name, "learning_rate": 0.1, "encoder_lr_mult": 0.25, "weight_decay": 0.5}
    optimizer = generator_optimizer(settings_of(optimizer=chosen, precision=precision), variables)
    for _ in "ab":
        optimizer.apply_gradients([(tf.zeros_like(variable), variable) for variable in variables])
    # 1 - learning rate x decay, twice; without a gradient, nothing else moves.
    for variable, left in zip(variables, (1 - 0.0125, 1, 1 - 0.05, 1), strict=True):
        np.testing.assert_allclose(variable, np.full(variable.shape, left**2), rtol=1e-6)


@pytest.mark.parametrize("precision", ["float32", "mixed_float16"])
@pytest.mark.parametrize("name", ["adamw", "sgd"])
def test_encoder_moves_at_its_share_of_the_learning_rate(name: str, precision: str) -> None:
    layers = [
        keras.layers.Dense(2, use_bias=False, name=layer, kernel_initializer="ones")
        for layer in ("lite0_conv_stem", "decoder_s2_conv1", "logits")
    ]
    model = keras.Sequential([keras.Input((2,)), *layers])
    variables = model.trainable_variables
    chosen = {"name": name, "learning_rate": 0.1, "encoder_lr_mult": 0.25, "weight_decay": 0.0}
    settings = settings_of(optimizer=chosen, precision=precision)
    optimizer = generator_optimizer(settings, variables)
    for size in (1.0, 3.0):
        gradient = optimizer.scale_loss(tf.fill((2, 2), size))
        optimizer.apply_gradients([(gradient, variable) for variable in variables])
    encoder, decoder, logits = (np.asarray(variable) - 1.0 for variable in variables)
    np.testing.assert_array_less(decoder, -0.05)
    np.testing.assert_allclose(encoder, 0.25 * decoder, rtol=1e-5)
    np.testing.assert_array_equal(logits, decoder)
