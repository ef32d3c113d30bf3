import json
import re

import pytest

from components.contracts.process.errors import UsageError
from components.contracts.recipe.recipe import Recipe, keys, load
from tests.support.places import RECIPES

SHIPPED = sorted(RECIPES.glob("*.yaml"))


@pytest.fixture
def written(tmp_path):
    def write(text):
        path = tmp_path / "mine.yaml"
        path.write_text(text)
        return path

    return write


def refused(path, *changes, **options) -> str:
    with pytest.raises(UsageError) as caught:
        load(path, changes, **options)
    return str(caught.value)


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.stem)
def test_a_shipped_recipe_loads_fits_and_reads_back_equal(path):
    recipe = load(path)
    assert recipe.name == path.stem
    text = recipe.resolved()
    assert len(text.encode()) <= 16_000
    assert Recipe.model_validate(json.loads(text)) == recipe
    assert Recipe.model_validate_json(text) == recipe
    assert set(json.loads(text)) == set(Recipe.model_fields)


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.stem)
def test_a_shipped_recipe_opens_with_what_it_is_for(path):
    header = [line for line in path.read_text().splitlines() if line.startswith("#")]
    assert any("Purpose:" in line for line in header)
    command = rf"# Command: .*\bpipelines/recipes/{path.name}\b"
    assert any(re.match(command, line) for line in header)
    assert any(line.startswith("# Expected:") for line in header)


@pytest.mark.parametrize(
    ("text", "key", "nearest"),
    [
        ("name: a\nquery: {querysize: 3}", "query.querysize", "query.query_size"),
        ("name: a\nquery_size: 3", "query_size", "query.query_size"),
        ("name: a\ntrain: {optimizer: {learningrate: 1}}", "train.optimizer.learningrate",
         "train.optimizer.learning_rate"),
        ("name: a\nseeds: 3", "seeds", "seed"),
        ("name: a\ndata: {synthetic: {image: 9}}", "data.synthetic.image", "data.synthetic.images"),
        ("name: a\ntrain: {netwrok: {}}", "train.netwrok", "train.network"),
    ],
)  # fmt: skip
def test_an_unknown_key_names_the_nearest_valid_one(written, text, key, nearest):
    message = refused(written(text))
    assert f"unknown key {key}." in message
    assert f"Did you mean {nearest}?" in message
    assert nearest in keys()


@pytest.mark.parametrize(
    ("change", "key", "expected", "got"),
    [
        ("seed='3'", "seed", "integer", "'3'"),
        ("seed=1.5", "seed", "integer", "1.5"),
        ("seed=true", "seed", "integer", "True"),
        ("seed=-1", "seed", "greater than or equal to 0", "-1"),
        ("name=No Spaces", "name", "pattern", "'No Spaces'"),
        ("train=5", "train", "dictionary", "5"),
        ("train.steps=0", "train.steps", "greater than or equal to 1", "0"),
        ("train.ema_decay=1.0", "train.ema_decay", "less than 1", "1.0"),
        ("train.optimizer.learning_rate=.inf", "train.optimizer.learning_rate", "finite", "inf"),
        ("train.optimizer.learning_rate=.nan", "train.optimizer.learning_rate", "", "nan"),
        ("train.optimizer.name=adam", "train.optimizer.name", "'adamw' or 'sgd'", "'adam'"),
        ("query.strategy=guess", "query.strategy", "'entropy'", "'guess'"),
        ("cycle.cycles='3'", "cycle.cycles", "integer", "'3'"),
        ("feedback.oracle=1", "feedback.oracle", "boolean", "1"),
        ("data.size=[10, 64]", "data.size.0", "greater than or equal to 32", "10"),
        ("split.dev_fraction=0.9", "split.dev_fraction", "less than or equal to 0.5", "0.9"),
        ("split.ratios={train: 1.5, val: 0.5}", "split.ratios.train", "less than", "1.5"),
        ("split.ratios={train: 1.0, val: 0.0}", "split", "train and val a share", "{"),
        ("split.ratios={train: 0.5, val: 0.4}", "split", "sum to 1", "{"),
        ("split.initial=-2", "split", "0 or more", "{"),
        ("evaluate.gate.protected=[lorry]", "evaluate.gate.protected", "lorry", "['lorry']"),
    ],
)
def test_a_wrong_type_or_an_impossible_value_names_the_key_what_was_expected_and_what_came(
    written, change, key, expected, got
):
    message = refused(written("name: a"), change)
    assert f"mine.yaml: {key}: " in message
    assert expected in message
    assert f"got {got}" in message
    assert "\n" not in message


@pytest.mark.parametrize(
    ("change", "key", "expected"),
    [
        ("data.size=big", "data.size", ("tuple", "'native'")),
        ("split.initial=1/x", "split.initial", ("integer", "pattern")),
        ("split.initial=half", "split.initial", ("integer", "all")),
    ],
)
def test_a_value_with_several_forms_is_explained_in_one_line_under_its_own_key(
    written, change, key, expected
):
    message = refused(written("name: a"), change)
    assert message.startswith(f"{message.partition('mine.yaml')[0]}mine.yaml: {key}: ")
    assert all(word in message for word in expected)
    assert "\n" not in message


def test_every_mistake_is_reported_at_once(written):
    message = refused(written("name: a\nseed: x\nquery: {query_size: 0, strateg: random}"))
    assert len(message.splitlines()) == 3


def test_two_sources_are_one_too_many(written):
    message = refused(written("name: a\ndata: {source: here, synthetic: {}}"))
    assert "data: give data.source or data.synthetic, not both" in message


def test_a_name_is_needed(written):
    assert "name: field required" in refused(written("seed: 3"))


def test_settings_are_changed_from_the_command_line_in_order(written):
    changes = [
        "query.query_size=4",
        "query.query_size=5",
        "data.size=[64, 96]",
        "split.initial=1/8",
        "cycle.cycles=null",
        "train.optimizer={name: sgd}",
        "train.optimizer.learning_rate=1e-3",
    ]
    recipe = load(written("name: a\ncycle: {cycles: 2}\nquery: {strategy: random}"), changes)
    assert (recipe.query.query_size, recipe.query.strategy) == (5, "random")
    assert recipe.data.size == (64, 96)
    assert recipe.split.initial == "1/8"
    assert recipe.cycle.cycles is None
    assert recipe.train.optimizer.name == "sgd"
    assert recipe.train.optimizer.learning_rate == pytest.approx(0.001)


@pytest.mark.parametrize("change", ["query.query_size", "=3", "seed=[", "seed={a: 1, a: 2}"])
def test_a_change_that_is_none_is_refused(written, change):
    assert "--set" in refused(written("name: a"), change)


def test_data_on_the_command_line_replaces_any_source(written, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    path = written("name: a\ndata: {synthetic: {images: 9}, size: [64, 96]}")
    recipe = load(path, data="photos")
    assert recipe.data.source == str(tmp_path / "photos")
    assert recipe.data.synthetic is None
    assert recipe.data.size == (64, 96)
    assert load(path, data="gs://bucket/photos").data.source == "gs://bucket/photos"
    assert "python3" in refused(path, data="/data/python3/photos")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("- a\n- b", "keys and values; got list"),
        ("name: [", "expected YAML"),
        ("name: a\nseed: 1\nseed: 2", "seed is there twice"),
        ("name: a\ntrain: {steps: 1}\ntrain: {batch_size: 2}", "train is there twice"),
        ("name: !!python/object/apply:os.getcwd []", "expected YAML"),
        ("", "name: field required"),
    ],
)
def test_a_file_that_is_no_recipe_is_refused(written, text, expected):
    assert expected in refused(written(text))


def test_a_file_that_is_not_there_or_not_text_is_refused(tmp_path):
    assert "pipelines/recipes" in refused(tmp_path / "nowhere.yaml")
    assert "Recipe not found" in refused(tmp_path)
    (tmp_path / "binary.yaml").write_bytes(b"\xff\xfe\x00")
    assert "UTF-8" in refused(tmp_path / "binary.yaml")


def test_a_recipe_too_large_for_a_parameter_is_refused(written):
    path = written(f"name: a\ndata: {{source: /{'x' * 16_000}}}")
    with pytest.raises(UsageError, match="at most 16000 are possible"):
        load(path).resolved()


def test_keys_lists_every_section_and_what_is_in_it():
    found = set(keys())
    assert {"name", "train", "train.network.encoder.name", "data.synthetic.images"} <= found
    assert {key.partition(".")[0] for key in found} == set(Recipe.model_fields)
