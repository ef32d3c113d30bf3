"""The fused optimizers do what Keras's own do."""

from __future__ import annotations

import keras
import numpy as np
import pytest
import tensorflow as tf

from components.train.networks.optimizers import FusedAdam, FusedAdamW

SHAPES = ((3, 3, 4, 8), (8,), ())


def moved(optimizer: keras.optimizers.Optimizer, steps: int) -> list[np.ndarray]:
    """Variables after some steps with gradients of very different sizes; a schedule as in a fit."""
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
def test_it_moves_variables_and_moments_as_keras_does(fused, kerass, settings) -> None:
    ours = moved(fused(0.01, **settings), 8)
    theirs = moved(kerass(0.01, **settings), 8)
    assert len(ours) == len(theirs)
    for one, other in zip(ours, theirs, strict=True):
        np.testing.assert_allclose(one, other, rtol=2e-5, atol=1e-7)


def test_it_takes_one_operation_a_variable_for_the_update() -> None:
    def nodes(optimizer: keras.optimizers.Optimizer) -> int:
        variables = [keras.Variable(np.zeros(3, np.float32)) for _ in range(20)]
        optimizer.build(variables)
        step = tf.function(
            lambda g: optimizer.apply_gradients([(g, v) for v in variables]), autograph=False
        )
        graph = step.get_concrete_function(tf.TensorSpec([3])).graph
        return len(graph.get_operations())

    assert nodes(FusedAdam(0.01)) < nodes(keras.optimizers.Adam(0.01)) / 2
