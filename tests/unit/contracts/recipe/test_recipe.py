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
def test_a_shipped_recipe_survives_a_round_trip_and_fits_a_parameter(path):
    recipe = load(path)
    assert recipe.name == path.stem
    text = recipe.resolved()
    assert len(text.encode()) <= 16_000
    assert Recipe.model_validate(json.loads(text)) == recipe
    assert Recipe.model_validate_json(text) == recipe
    assert set(json.loads(text)) == set(Recipe.model_fields)


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.stem)
def test_a_shipped_recipe_opens_with_purpose_command_and_expectation(path):
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
def test_load_names_the_valid_key_nearest_to_an_unknown_one(written, text, key, nearest):
    message = refused(written(text))
    assert f"unknown key {key}." in message
    assert f"Did you mean {nearest}?" in message
    assert nearest in keys()


@pytest.mark.parametrize(
    ("change", "key", "expected", "got"),
    [
        ("seed='3'", "seed", "expected a whole number", "'3'"),
        ("seed=1.5", "seed", "expected a whole number", "1.5"),
        ("seed=true", "seed", "expected a whole number", "True"),
        ("seed=-1", "seed", "greater than or equal to 0", "-1"),
        ("name=No Spaces", "name", "expected a text that matches", "'No Spaces'"),
        ("train=5", "train", "expected keys and values", "5"),
        ("train.augment.scale=[2,1]", "train.augment.scale", "smallest zoom comes first", "[2, 1]"),
        ("train.augment.jitter=[1,0.1]", "train.augment.jitter", "more values", "[1, 0.1]"),
        ("seed=12:30", "seed", "expected a whole number", "'12:30'"),
        ("seed=1_000", "seed", "expected a whole number", "'1_000'"),
        ("tracking.uri=./mlruns", "tracking.uri", "MLflow no longer writes to", "'./mlruns'"),
        ("train.steps=0", "train.steps", "greater than or equal to 1", "0"),
        ("train.ema_decay=1.0", "train.ema_decay", "less than 1", "1.0"),
        ("train.optimizer.learning_rate=.inf", "train.optimizer.learning_rate", "finite", "inf"),
        ("train.optimizer.learning_rate=.nan", "train.optimizer.learning_rate", "", "nan"),
        ("train.optimizer.name=adam", "train.optimizer.name", "'adamw' or 'sgd'", "'adam'"),
        ("query.strategy=guess", "query.strategy", "'entropy'", "'guess'"),
        ("cycle.cycles='3'", "cycle.cycles", "expected a whole number", "'3'"),
        ("feedback.oracle=1", "feedback.oracle", "expected true or false", "1"),
        ("data.size=[10, 64]", "data.size.0", "greater than or equal to 32", "10"),
        ("split.dev_fraction=0.9", "split.dev_fraction", "less than or equal to 0.5", "0.9"),
        ("split.ratios={train: 1.5, val: 0.5}", "split.ratios.train", "less than", "1.5"),
        ("split.ratios={train: 1.0, val: 0.0}", "split", "train and val a share", "{"),
        ("split.ratios={train: 0.5, val: 0.4}", "split", "sum to 1", "{"),
        ("split.initial=-2", "split", "0 or more", "{"),
        ("evaluate.gate.protected=[lorry]", "evaluate.gate.protected", "lorry", "['lorry']"),
    ],
)
def test_load_names_the_key_the_expectation_and_the_value_of_a_mistake(
    written, change, key, expected, got
):
    message = refused(written("name: a"), change)
    assert f"mine.yaml: {key}: " in message
    assert expected in message
    assert f"got {got}" in message
    assert "\n" not in message


def test_load_refuses_a_query_that_asks_a_discriminator_that_is_not_trained(written):
    weights = ("adversarial_labeled", "adversarial_unlabeled", "semi_supervised")
    off = [f"train.objectives.{name}=0" for name in weights]
    text = "name: a\nquery: {strategy: discriminator}"
    message = refused(written(text), *off)
    assert message.endswith(
        "mine.yaml: query.strategy is discriminator, but train.objectives trains none: the weights of "
        "adversarial_labeled, adversarial_unlabeled, semi_supervised are 0; set one, or choose another "
        "strategy."
    )
    assert load(written(text), off[:2]).query.strategy == "discriminator"


def test_load_refuses_a_query_that_compares_passes_without_dropout(written):
    text = "name: a\nquery: {strategy: bald}"
    message = refused(written(text))
    assert "mine.yaml: query.strategy is bald, but train.network.dropout is 0" in message
    assert load(written(text), ["train.network.dropout=0.2"]).query.samples == 8


@pytest.mark.parametrize(
    ("change", "key", "expected"),
    [
        ("data.size=big", "data.size", ("expected a list, such as [1, 2] or 'native'",)),
        ("data.size=[64]", "data.size", ("expected more values", "got [64]")),
        ("data.size=[64,96,3]", "data.size", ("expected at most 2 values or 'native'",)),
        ("split.initial=1/x", "split.initial", ("a whole number or a text that matches '^(all|",)),
        ("split.initial=half", "split.initial", ("a whole number", "all")),
    ],
)
def test_load_explains_a_value_with_several_forms_in_one_line(written, change, key, expected):
    message = refused(written("name: a"), change)
    assert message.startswith(f"{message.partition('mine.yaml')[0]}mine.yaml: {key}: ")
    assert all(word in message for word in expected)
    assert "\n" not in message


def test_load_reports_every_mistake(written):
    message = refused(written("name: a\nseed: x\nquery: {query_size: 0, strateg: random}"))
    assert len(message.splitlines()) == 3


def test_load_rejects_two_data_sources(written):
    message = refused(written("name: a\ndata: {source: here, synthetic: {}}"))
    assert "data: give data.source or data.synthetic, not both" in message


def test_load_rejects_a_recipe_without_a_name(written):
    assert "name: field required" in refused(written("seed: 3"))


def test_load_applies_changes_in_order(written):
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


@pytest.mark.parametrize(
    ("written_as", "seed"),
    [("010", 10), ("0x10", 16), ("0o10", 8), ("+7", 7), ("1234567", 1234567)],
)
def test_load_reads_numbers_as_people_write_them(written, written_as, seed):
    assert load(written(f"name: a\nseed: {written_as}")).seed == seed
    assert load(written("name: a"), [f"seed={written_as}"]).seed == seed


def test_load_takes_no_date_and_no_time_for_anything_else(written):
    recipe = load(written("name: a\ntracking: {experiment: 2024-05-01}"))
    assert recipe.tracking.experiment == "2024-05-01"
    assert load(written("name: a"), ["tracking.experiment=9:30"]).tracking.experiment == "9:30"


@pytest.mark.parametrize("change", ["query.query_size", "=3", "seed=[", "seed={a: 1, a: 2}"])
def test_load_rejects_a_change_that_is_not_key_equals_value(written, change):
    assert "--set" in refused(written("name: a"), change)


def test_load_replaces_any_source_by_the_given_data(written, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    path = written("name: a\ndata: {synthetic: {images: 9}, size: [64, 96]}")
    recipe = load(path, data="photos")
    assert recipe.data.source == str(tmp_path / "photos")
    assert recipe.data.synthetic is None
    assert recipe.data.size == (64, 96)
    assert load(path, data="gs://bucket/photos").data.source == "gs://bucket/photos"


@pytest.mark.parametrize("source", ["photos", "./photos/", "other/../photos"])
def test_load_makes_the_path_of_the_data_absolute_wherever_it_stands(
    written, tmp_path, monkeypatch, source
):
    monkeypatch.chdir(tmp_path)
    path = written(f"name: a\ndata: {{source: {source}}}")
    for recipe in (load(path), load(path, [f"data.source={source}"]), load(path, data=source)):
        assert recipe.data.source == str(tmp_path / "photos")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("- a\n- b", "mine.yaml must hold keys and values, but holds a list."),
        ("name: [", "mine.yaml is not valid YAML"),
        ("name: a\nseed: 1\nseed: 2", "duplicate key seed"),
        ("name: a\ntrain: {steps: 1}\ntrain: {batch_size: 2}", "duplicate key train"),
        ("name: !!python/object/apply:os.getcwd []", "mine.yaml is not valid YAML"),
        ("", "name: field required"),
    ],
)
def test_load_rejects_a_file_that_is_not_a_recipe(written, text, expected):
    assert expected in refused(written(text))


def test_load_rejects_a_missing_file_and_a_binary_one(tmp_path):
    assert "pipelines/recipes" in refused(tmp_path / "nowhere.yaml")
    assert "Recipe not found" in refused(tmp_path)
    (tmp_path / "binary.yaml").write_bytes(b"\xff\xfe\x00")
    assert "UTF-8" in refused(tmp_path / "binary.yaml")


def test_resolved_rejects_a_recipe_too_large_for_a_parameter(written):
    path = written(f"name: a\ndata: {{source: /{'x' * 16_000}}}")
    with pytest.raises(UsageError, match="at most 16000 are possible"):
        load(path).resolved()


def test_keys_lists_every_section_and_its_keys():
    found = set(keys())
    assert {"name", "train", "train.network.encoder.name", "data.synthetic.images"} <= found
    assert {key.partition(".")[0] for key in found} == set(Recipe.model_fields)


@pytest.mark.parametrize(
    "name",
    [
        "AWS_SECRET_ACCESS_KEY",
        "AWS_SESSION_TOKEN",
        "MLFLOW_TRACKING_PASSWORD",
        "MLFLOW_TRACKING_TOKEN",
        "STREETLOOP_WEBHOOK_URL",
        "LABEL_STUDIO_API_KEY",
        "CVAT_ACCESS_TOKEN",
        "CVAT_PASSWORD",
        "db_password",
    ],
)
def test_a_secret_is_not_accepted_in_a_recipe(written, name):
    path = written(f"name: a\ncluster:\n  pod:\n    env: {{{name}: hunter2}}\n")
    message = refused(path)
    assert f"cluster.pod.secret_env: {{{name}: secret/key}}" in message
    assert "hunter2" not in message
    path = written(f"name: a\ncluster:\n  pod:\n    secret_env: {{{name}: s3-account/secret}}\n")
    assert load(path).cluster.pod.secret_env == {name: "s3-account/secret"}


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("KF_PIPELINES_SA_TOKEN_PATH", "/etc/kfp/token"),
        ("AWS_WEB_IDENTITY_TOKEN_FILE", "/etc/aws/token"),
        ("AWS_ACCESS_KEY_ID", "AKIA0"),
        ("GOOGLE_APPLICATION_CREDENTIALS", "/etc/gcp/key.json"),
        ("STREETLOOP_KFP_COOKIES", "/etc/kfp/cookies"),
        ("TOKENIZERS_PARALLELISM", "false"),
        ("AWS_ENDPOINT_URL", "https://minio.storage:9000"),
        ("CONTACT", "streets:team@example.com"),
    ],
)
def test_what_is_no_secret_is_accepted_in_a_recipe(written, name, value):
    path = written(f"name: a\ncluster:\n  pod:\n    env: {{{name}: '{value}'}}\n")
    assert load(path).cluster.pod.env == {name: value}


@pytest.mark.parametrize(
    "value", ["http://ann:hunter2@proxy:3128", "--index-url https://ann:hunter2@pypi/simple"]
)
def test_an_address_with_a_password_is_not_accepted_in_a_recipe(written, value):
    path = written(f"name: a\ncluster:\n  pod:\n    env: {{HTTPS_PROXY: '{value}'}}\n")
    message = refused(path)
    assert "cluster.pod.env.HTTPS_PROXY: the password in this address" in message
    assert "cluster.pod.secret_env" in message
    assert "hunter2" not in message


def test_the_first_images_are_typical_only_where_an_encoder_is_pretrained(written):
    text = "name: a\nsplit: {initial_by: typical}\ntrain: {network: {encoder: {name: %s}}}\n"
    assert load(written(text % "efficientnet_lite0")).split.initial_by == "typical"
    message = refused(written(text % "unet"))
    assert "mine.yaml: split.initial_by is typical, but train.network.encoder" in message
    assert message.endswith("or set split.initial_by to chance.")


def test_a_frozen_encoder_must_be_pretrained(written):
    text = "name: a\ntrain: {network: {encoder: {weights: none, trainable: false}}}\n"
    message = refused(written(text))
    assert "train.network.encoder: trainable: false needs a pretrained encoder" in message


@pytest.mark.parametrize("account", ["ann:hunter22@", ":hunter22@", "ann:@"])
def test_a_password_in_a_recipe_is_rejected_and_not_shown(written, account):
    path = written("name: a")
    message = refused(path, f"tracking.uri=https://{account}mlflow:5000")
    assert "tracking.uri holds a password" in message
    assert "hunter22" not in message
    assert load(path, ["tracking.uri=https://ann@mlflow:5000/a:b@c"]).tracking.uri


@pytest.mark.parametrize(
    "change",
    [
        "tracking.uri=htps://ann:hunter22@mlflow:5000",
        "tracking.uri=htps://ann:hunter22@mlflow:5000/" + 300 * "x",
        "tracking={uri: [htps://ann:hunter22@mlflow:5000]}",
        "tracking.uri https://ann:hunter22@mlflow:5000",
        "tracking.uri=https://ann:hunter22@mlflow:5000: x",
        "nothing.uri=https://ann:hunter22@mlflow:5000",
    ],
)
def test_a_mistyped_address_is_shown_without_its_password(written, change):
    assert "hunter22" not in refused(written("name: a"), change)
