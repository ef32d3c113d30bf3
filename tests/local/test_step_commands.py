"""Each step alone, on plain paths, as the entry point of its container: in processes of its own."""

from __future__ import annotations

import json
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np
import pytest

from components.contracts.data.records import Records, read_ids
from components.contracts.model.files import read_model_info
from components.contracts.recipe.recipe import Recipe
from components.contracts.step.done import run_once
from components.contracts.step.plan import Plan
from components.contracts.step.results import FeedbackResult
from components.contracts.storage.open import open_storage
from components.query import __main__ as query
from components.split import __main__ as split
from tests.support.waiting import finished
from tfds_cityscapes.labels import to_train_ids
from tfds_cityscapes.source import open_source
from tfds_cityscapes.synthetic import generate

STEPS = ("cycle", "feedback", "preprocess", "split", "train", "evaluate", "query")
SIZE = (64, 96)
TRAIN = """
steps: 2
batch_size: 2
unlabeled_batch_size: 2
crop: [64, 96]
settle_batches: 1
network:
  encoder: {name: unet, base: 4, depth: 2}
  decoder_width: 4
  decoder_max_width: 8
  decoder_convolutions: 1
discriminator: {base: 4}
objectives: {consistency: 0.0, feature_consistency: 0.0}
"""


# Shows the help of a step, and says which heavy libraries it has imported for that.
HELP = """
import runpy, sys
step, sys.argv[1:] = sys.argv[1], ["--help"]
try:
    runpy.run_module(step, run_name="__main__")
finally:
    heavy = {"tensorflow", "keras", "mlflow", "kfp", "matplotlib"}
    print(*heavy & set(sys.modules), file=sys.stderr)
"""


class Done(NamedTuple):
    code: int
    out: str
    err: str


def run(step: str, *arguments: object) -> Done:
    command = [sys.executable, "-m", f"components.{step}", *map(str, arguments)]
    done = finished(command)
    return Done(done.returncode, done.stdout, done.stderr)


def ok(step: str, *arguments: object) -> str:
    done = run(step, *arguments)
    assert done.code == 0, done.err
    return done.out


def fit_arguments(root: Path) -> list[object]:
    return [
        *("--records", root / "records", "--labeled", root / "split/labeled"),
        *("--unlabeled", root / "split/unlabeled.txt", "--output", root / "fit"),
        *("--settings", root / "train.yaml", "--set", "optimizer.learning_rate=1e-3"),
    ]


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    """The chain, up to two trained steps, a report and a query."""
    root = tmp_path_factory.mktemp("chain")
    generate(root / "source", seed=3, images=9, val=2, size=SIZE)
    ok("preprocess", "--source", root / "source", "--output", root / "records", "--guard", 0)
    # Six images are in the pool; three are labeled, and a file that is none comes with them.
    source = open_source(root / "source")
    pool = set(Records(root / "records").ids("train"))
    masks = sorted(i.label for i in source.items if i.image_id in pool)
    exports = [root / "source" / mask for mask in masks[:3]]
    (root / "notes.txt").write_text("not an export")
    ok("feedback", "--records", root / "records", "--output", root / "labels",
       *exports, root / "notes.txt")  # fmt: skip
    ok("split", "--records", root / "records", "--labels", root / "labels",
       "--output", root / "split")  # fmt: skip
    (root / "train.yaml").write_text(TRAIN)
    ok("train", *fit_arguments(root))
    with ThreadPoolExecutor() as pool:
        for done in [
            pool.submit(
                ok, "evaluate", "--model", root / "fit/model", "--records", root / "records",
                "--split", "val", "--output", root / "report.json", "--html", root / "report.html",
                "--flip", "--scales", "1,1.5", "--window", "64x64",
            ),
            pool.submit(
                ok, "query", "--records", root / "records", "--ids", root / "split/unlabeled.txt",
                "--model", root / "fit/model/generator.keras", "--strategy", "margin", "--min-gap", "0",
                "--count", 2, "--output", root / "query",
            ),
        ]:  # fmt: skip
            done.result()
    return root


@pytest.mark.parametrize("step", STEPS)
def test_help_has_an_example_and_does_not_wait_for_tensorflow(step):
    done = finished([sys.executable, "-c", HELP, f"components.{step}"])
    assert done.returncode == 0, done.stderr
    assert f"python -m components.{step}" in done.stdout.partition("example:")[2]
    assert done.stderr.split() == []


@pytest.mark.parametrize("step", STEPS)
def test_a_command_line_that_cannot_be_right_exits_with_2_and_says_why(step):
    done = run(step, "--nonsense")
    assert done.code == 2
    assert "usage: python -m components." in done.err
    assert "Traceback" not in done.err


def test_preprocess_writes_records_of_every_split(root):
    records = Records(root / "records")
    assert {split: len(records.ids(split)) for split in ("train", "dev", "val", "test")} == {
        "train": 6,
        "dev": 3,
        "val": 2,
        "test": 0,
    }


def test_feedback_writes_train_ids_and_says_what_it_refused(root):
    report = json.loads((root / "labels/report.json").read_text())
    taken = [row["image_id"] for row in report["accepted"]]
    assert len(taken) == 3
    assert sorted(p.stem for p in (root / "labels").glob("*.png")) == taken
    assert [row["name"] for row in report["refused"]] == ["notes.txt"]
    source = open_source(root / "source")
    item = next(i for i in source.items if i.image_id == taken[0])
    written = cv2.imread(str(root / "labels" / f"{taken[0]}.png"), cv2.IMREAD_UNCHANGED)
    label_ids = cv2.imread(str(root / "source" / item.label), cv2.IMREAD_UNCHANGED)
    np.testing.assert_array_equal(written, to_train_ids(label_ids))


def test_split_puts_each_image_of_the_pool_on_one_side(root):
    labeled = Records(root / "split/labeled").ids("train")
    unlabeled = read_ids(root / "split/unlabeled.txt")
    assert len(labeled) == len(unlabeled) == 3
    assert sorted(labeled + unlabeled) == Records(root / "records").ids("train")


def test_split_reads_the_masks_of_a_data_set_as_well(root, tmp_path):
    arguments = ["--records", root / "records", "--labels", root / "source/gtFine/train"]
    assert split.main([*map(str, arguments), "--output", str(tmp_path / "split")]) == 0
    labeled, before = Records(tmp_path / "split/labeled"), Records(root / "split/labeled")
    assert len(labeled.ids("train")) == 6
    for image_id in before.ids("train"):
        np.testing.assert_array_equal(labeled.read(image_id).label, before.read(image_id).label)


def test_train_writes_a_complete_model_and_a_report(root):
    info = read_model_info(root / "fit/model")
    report = json.loads((root / "fit/report.json").read_text())
    assert report["model"] == info.model_id
    assert (report["steps"], report["labeled"], report["unlabeled"]) == (2, 3, 3)
    assert 0 <= report["dev_miou"] <= 1
    assert info.recipe["train"]["optimizer"]["learning_rate"] == pytest.approx(0.001)


def test_train_neither_repeats_a_finished_fit_nor_overwrites_another(root):
    before = (root / "fit/model/model.json").stat().st_mtime_ns
    assert "already done" in ok("train", *fit_arguments(root))
    done = run("train", *fit_arguments(root), "--seed", 1)
    assert done.code == 1
    assert "other settings, seed or data" in done.err
    assert (root / "fit/model/model.json").stat().st_mtime_ns == before


def test_evaluate_reports_the_split_it_was_asked_for(root):
    report = json.loads((root / "report.json").read_text())
    assert report["split"] == "val"
    assert report["images"] == 2
    assert report["inference"]["flip"] is True
    assert report["inference"]["scales"] == [1.0, 1.5]
    assert 0 <= report["miou"] <= 1
    assert np.sum(report["confusion"]) == report["pixels"] > 0
    page = (root / "report.html").read_text()
    assert "<td" in page
    assert page.count("data:image/png") >= 3


def test_query_asks_for_the_highest_scores_and_writes_tasks(root):
    chosen = json.loads((root / "query/selection.json").read_text())
    scores = json.loads((root / "query/scores.json").read_text())
    assert sorted(scores) == read_ids(root / "split/unlabeled.txt")
    best = sorted(scores, key=lambda i: (-scores[i], i))[:2]
    assert [row["image_id"] for row in chosen] == best
    for folder, ending in (("images", ".png"), ("overlays", ".png")):
        assert all((root / "query" / folder / f"{i}{ending}").is_file() for i in best)
    assert len(json.loads((root / "query/label_studio.json").read_text())) == 2
    assert (root / "query/cvat.zip").is_file()


def test_query_at_random_needs_no_model_and_the_others_do(root, tmp_path, capsys):
    where = ["--records", root / "records", "--ids", root / "split/unlabeled.txt", "--count", 1]
    arguments = [*map(str, where), "--output", str(tmp_path / "q")]
    assert query.main(arguments) == 2
    assert "Pass --model" in capsys.readouterr().err
    assert query.main([*arguments, "--strategy", "random"]) == 0
    assert len(json.loads((tmp_path / "q/selection.json").read_text())) == 1


def one_line(done: Done) -> str:
    """Return the error message: one line, without a traceback."""
    assert "Traceback" not in done.err
    (line,) = [line for line in done.err.splitlines() if line.startswith("error: ")]
    return line


def test_missing_input_exits_with_1_and_one_line_that_names_it(root, tmp_path):
    nowhere = tmp_path / "nowhere"
    for step, arguments in {
        "preprocess": ["--source", nowhere, "--output", tmp_path / "a"],
        "split": ["--records", nowhere, "--labels", root / "labels", "--output", tmp_path / "b"],
        "query": ["--records", root / "records", "--ids", nowhere, "--strategy", "random",
                  "--count", 1, "--output", tmp_path / "c"],
        "evaluate": ["--model", nowhere, "--records", root / "records", "--split", "test",
                     "--output", tmp_path / "d.json"],
        "cycle": ["status", "--root", nowhere],
    }.items():  # fmt: skip
        done = run(step, *arguments)
        assert done.code == 1
        missing = "No labeled image of test" if step == "evaluate" else str(nowhere)
        assert missing in one_line(done)
    assert list(tmp_path.iterdir()) == []


def test_feedback_that_accepts_nothing_exits_with_1(root, tmp_path):
    done = run(
        "feedback", "--records", root / "records", "--output", tmp_path / "l", root / "notes.txt"
    )
    assert done.code == 1
    assert "rejected notes.txt" in done.err
    assert json.loads((tmp_path / "l/report.json").read_text())["accepted"] == []


def test_output_folder_with_content_is_not_overwritten(root):
    before = sorted(p.name for p in (root / "labels").iterdir())
    done = run("feedback", "--records", root / "records", "--output", root / "labels",
               root / "notes.txt")  # fmt: skip
    assert done.code == 1
    assert "exists and is not an empty folder" in one_line(done)
    assert sorted(p.name for p in (root / "labels").iterdir()) == before


def test_impossible_settings_exit_with_2_and_name_the_key(root, tmp_path):
    done = run("train", *fit_arguments(root), "--set", "step=3")
    assert done.code == 2
    assert "unknown key step. Did you mean steps?" in one_line(done)
    done = run("preprocess", "--source", root / "source", "--output", tmp_path / "r",
               "--ratios", "train=.5,val=.4")  # fmt: skip
    assert done.code == 2
    assert "sum to 1" in one_line(done)


def test_a_cycle_is_opened_given_back_taken_up_and_closed(tmp_path, monkeypatch):
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://127.0.0.1:1")  # nobody there: it goes on
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    recipe, campaign = tmp_path / "recipe.json", ("--root", tmp_path / "campaign")
    recipe.write_text(
        Recipe.model_validate({"name": "alone", "data": {"synthetic": {}}}).resolved()
    )

    def opened(*arguments: object) -> dict[str, int]:
        return json.loads(ok("cycle", "open", *campaign, *arguments).splitlines()[-1])

    def status() -> dict:
        return json.loads(ok("cycle", "status", *campaign))

    assert run("cycle", "open", *campaign, "--owner", "one").code == 2  # no recipe, no campaign
    assert opened("--owner", "one", "--recipe", recipe) == {"cycle": 1, "fence": 1}
    assert status()["open_cycle"] == {"cycle": 1, "owner": "one"}
    ok("cycle", "close", *campaign, "--owner", "one", "--failed", "out of memory")
    assert status()["cycles"][0]["outcome"] is None
    assert opened("--owner", "two") == {"cycle": 1, "fence": 2}  # with the campaign's own recipe
    # A cycle whose steps have not done their work is given back, whatever the caller says.
    ok("cycle", "close", *campaign, "--owner", "two")
    assert status()["cycles"][0]["outcome"] is None
    assert opened("--owner", "three") == {"cycle": 1, "fence": 3}
    storage = open_storage(str(tmp_path / "campaign"))
    storage.write("cycles/1/feedback.html", b"<p>none</p>")
    result = FeedbackResult(
        plan=Plan.NOTHING,
        labeled=0,
        new_labels=0,
        waiting=0,
        version=0,
        records="records/none",
        report="cycles/1/feedback.html",
    )
    run_once(storage, 1, "feedback", {}, FeedbackResult, lambda: result)
    ok("cycle", "close", *campaign, "--owner", "three")
    assert status()["open_cycle"] is None
    assert status()["cycles"][0]["outcome"] == "nothing_to_do"
