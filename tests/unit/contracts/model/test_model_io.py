"""A model's folder: written whole, checked when read."""

import json

import keras
import numpy as np
import pytest

from components.contracts.model import files as model_io

# TensorFlow 2.21's tensors do not know NumPy's `copy` argument yet; Keras meets it when it saves.
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation doesn't accept a copy")


def _network(seed=0, channels=19):
    keras.utils.set_random_seed(seed)
    image = keras.Input((None, None, 3), name="image")
    layer = keras.layers.Conv2D(channels, 32, 32, name="patches")(image)
    return keras.Model(image, keras.layers.UpSampling2D(32, name="up")(layer), name="tiny")


def _save(folder, seed=0, **networks):
    return model_io.save_model(
        folder, _network(seed), **networks, recipe={"seed": seed}, ledger_version=4
    )


def test_a_model_comes_back_as_it_was_saved(tmp_path):
    info = _save(tmp_path / "m", discriminator=_network(1, 1))
    assert model_io.read_model_info(tmp_path / "m") == info
    assert info.recipe == {"seed": 0}
    assert info.ledger_version == 4
    assert set(info.files) == {"generator.keras", "discriminator.keras"}
    images = np.full((1, 32, 32, 3), 7, np.float32)
    loaded = model_io.load_generator(tmp_path / "m")
    np.testing.assert_array_equal(loaded(images).numpy(), _network()(images).numpy())


def test_the_id_is_that_of_the_weights_and_not_of_the_moment(tmp_path):
    first, again, other = (_save(tmp_path / n, seed) for n, seed in (("a", 0), ("b", 0), ("c", 1)))
    assert first.model_id == again.model_id != other.model_id
    assert model_io.model_id(_network()) == first.model_id
    assert model_io.model_id(_network(), _network(1, 1)) != first.model_id


def test_saving_again_replaces_what_a_failed_attempt_left(tmp_path):
    _save(tmp_path, discriminator=_network(1, 1))
    info = _save(tmp_path, seed=2)
    assert model_io.read_model_info(tmp_path) == info
    assert sorted(path.name for path in tmp_path.iterdir()) == ["generator.keras", "model.json"]


def test_a_changed_file_a_missing_file_and_another_label_table_are_refused(tmp_path):
    info = _save(tmp_path)
    generator, described = tmp_path / "generator.keras", tmp_path / "model.json"
    good = generator.read_bytes()
    generator.write_bytes(good[:-1] + b"x")
    with pytest.raises(model_io.ModelError, match=r"generator\.keras.*damaged"):
        model_io.load_generator(tmp_path)
    generator.unlink()
    with pytest.raises(model_io.ModelError, match="missing"):
        model_io.read_model_info(tmp_path)
    generator.write_bytes(good)
    described.write_text(json.dumps(info.model_dump() | {"label_table": "0" * 64}))
    with pytest.raises(model_io.ModelError, match="label table"):
        model_io.load_generator(tmp_path)
    described.write_text("{}")
    with pytest.raises(model_io.ModelError, match=r"model\.json"):
        model_io.read_model_info(tmp_path)


def test_no_model_no_keras_file_and_no_generator_are_told_apart(tmp_path):
    with pytest.raises(model_io.ModelError, match="Train one first"):
        model_io.load_generator(tmp_path)
    with pytest.raises(model_io.ModelError, match="Train one first"):
        model_io.load_generator(tmp_path / "none.keras")
    (tmp_path / "bad.keras").write_bytes(b"nothing")
    with pytest.raises(model_io.ModelError, match="built-in layers"):
        model_io.load_generator(tmp_path / "bad.keras")
    _network(channels=5).save(tmp_path / "five.keras")
    with pytest.raises(model_io.ModelError, match=r"\[B, H, W, 19\]"):
        model_io.load_generator(tmp_path / "five.keras")


def test_a_file_with_code_in_it_is_refused(tmp_path):
    image = keras.Input((None, None, 3))
    layer = keras.layers.Lambda(lambda x: x, output_shape=(None, None, 3))(image)
    keras.Model(image, keras.layers.Conv2D(19, 1)(layer)).save(tmp_path / "code.keras")
    with pytest.raises(model_io.ModelError, match="built-in layers"):
        model_io.load_generator(tmp_path / "code.keras")


@pytest.mark.parametrize("size", [(1, 1), (31, 33), (64, 32)])
def test_images_of_any_size_are_padded_with_their_border_and_cropped_back(size):
    image = np.random.default_rng(0).integers(0, 256, (*size, 3)).astype(np.uint8)
    padded = model_io.pad_to_multiple(image)
    assert padded.dtype == np.uint8
    assert padded.shape[0] % 32 == padded.shape[1] % 32 == 0
    assert padded.shape[0] - size[0] < 32
    np.testing.assert_array_equal(padded[: size[0], : size[1]], image)
    np.testing.assert_array_equal(padded[-1, -1], image[-1, -1])
