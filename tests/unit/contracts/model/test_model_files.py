"""A model's folder: written atomically, checked when read."""

import json

import keras
import numpy as np
import pytest

from components.contracts.model import files

# TensorFlow 2.21's tensors do not know NumPy's `copy` argument yet; Keras meets it when it saves.
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation doesn't accept a copy")


def _network(seed=0, channels=19):
    keras.utils.set_random_seed(seed)
    image = keras.Input((None, None, 3), name="image")
    layer = keras.layers.Conv2D(channels, 32, 32, name="patches")(image)
    return keras.Model(image, keras.layers.UpSampling2D(32, name="up")(layer), name="tiny")


def _save(folder, seed=0, **networks):
    return files.save_model(
        folder, _network(seed), **networks, recipe={"seed": seed}, ledger_version=4
    )


def test_model_loads_as_it_was_saved(tmp_path):
    info = _save(tmp_path / "m", discriminator=_network(1, 1))
    assert files.read_model_info(tmp_path / "m") == info
    assert info.recipe == {"seed": 0}
    assert info.ledger_version == 4
    assert set(info.files) == {"generator.keras", "discriminator.keras"}
    images = np.full((1, 32, 32, 3), 7, np.float32)
    loaded = files.load_generator(tmp_path / "m")
    np.testing.assert_array_equal(loaded(images).numpy(), _network()(images).numpy())


def test_model_id_depends_on_the_weights_and_not_on_the_time(tmp_path):
    first, again, other = (_save(tmp_path / n, seed) for n, seed in (("a", 0), ("b", 0), ("c", 1)))
    assert first.model_id == again.model_id != other.model_id
    assert files.model_id(_network()) == first.model_id
    assert files.model_id(_network(), _network(1, 1)) != first.model_id


def test_save_model_replaces_the_files_of_a_failed_attempt(tmp_path):
    _save(tmp_path, discriminator=_network(1, 1))
    info = _save(tmp_path, seed=2)
    assert files.read_model_info(tmp_path) == info
    assert sorted(path.name for path in tmp_path.iterdir()) == ["generator.keras", "model.json"]


def test_model_with_a_changed_or_missing_file_or_another_label_table_is_rejected(tmp_path):
    info = _save(tmp_path)
    generator, described = tmp_path / "generator.keras", tmp_path / "model.json"
    good = generator.read_bytes()
    generator.write_bytes(good[:-1] + b"x")
    with pytest.raises(files.ModelError, match=r"generator\.keras.*damaged"):
        files.load_generator(tmp_path)
    generator.unlink()
    with pytest.raises(files.ModelError, match="missing"):
        files.read_model_info(tmp_path)
    generator.write_bytes(good)
    described.write_text(json.dumps(info.model_dump() | {"label_table": "0" * 64}))
    with pytest.raises(files.ModelError, match="label table"):
        files.load_generator(tmp_path)
    described.write_text("{}")
    with pytest.raises(files.ModelError, match=r"model\.json"):
        files.read_model_info(tmp_path)


def test_load_generator_distinguishes_missing_unreadable_and_other_files(tmp_path):
    with pytest.raises(files.ModelError, match="Train one first"):
        files.load_generator(tmp_path)
    with pytest.raises(files.ModelError, match="Train one first"):
        files.load_generator(tmp_path / "none.keras")
    (tmp_path / "bad.keras").write_bytes(b"nothing")
    with pytest.raises(files.ModelError, match="built-in layers"):
        files.load_generator(tmp_path / "bad.keras")
    _network(channels=5).save(tmp_path / "five.keras")
    with pytest.raises(files.ModelError, match=r"\[B, H, W, 19\]"):
        files.load_generator(tmp_path / "five.keras")


def test_load_generator_rejects_a_file_with_code(tmp_path):
    image = keras.Input((None, None, 3))
    layer = keras.layers.Lambda(lambda x: x, output_shape=(None, None, 3))(image)
    keras.Model(image, keras.layers.Conv2D(19, 1)(layer)).save(tmp_path / "code.keras")
    with pytest.raises(files.ModelError, match="built-in layers"):
        files.load_generator(tmp_path / "code.keras")
