"""`streetloop labels check` on a campaign: its report, its tasks, and their way home."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import cv2
import numpy as np
import pytest
from click.testing import CliRunner

from components.contracts.annotation import png_mask
from components.contracts.data.records import Records, decode_mask
from components.contracts.ledger.inbox import hand_in
from components.contracts.ledger.labels import read_label
from components.contracts.ledger.ledger import Ledger
from components.contracts.recipe.feedback import FeedbackSettings
from components.contracts.recipe.recipe import load
from components.contracts.regions.tiles import Tiles, parse_parts
from components.contracts.step.context import Context
from components.contracts.storage.open import open_storage
from components.feedback.inbox import ingest_inbox
from pipelines.cli import main
from pipelines.labels.check import _ask
from pipelines.labels.report import CheckedLabel

CAMPAIGNS = Path(__file__).parents[3] / "fixtures" / "campaigns"
RECIPE = str(CAMPAIGNS / "recipe.yaml")


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A campaign whose labels were checked: four, one of which a champion has not seen."""
    root = tmp_path_factory.mktemp("labels") / "campaign"
    shutil.copytree(CAMPAIGNS / "v0.1", root)
    done = CliRunner().invoke(main, ["labels", "check", RECIPE, "--root", str(root), "--ask", "2"])
    assert done.exit_code == 0, done.output
    assert "Checked 4 labels" in done.output
    assert "In-sample: 3." in done.output
    assert f"Tasks: {root}/relabel/" in done.output
    return root


def test_the_report_names_every_label_and_who_judged_it(root: Path) -> None:
    report = json.loads((root / "reports" / "labels.json").read_text())
    state = Ledger(open_storage(str(root))).state()
    rows = {row["image_id"]: row for row in report["images"]}
    assert rows.keys() == state.labels.keys()
    assert {i for i, row in rows.items() if not row["in_sample"]} == {"ahrenfels_000000_000029"}
    assert rows["ahrenfels_000000_000029"]["judge"] == state.champions[0].model
    for image_id, row in rows.items():
        assert row["sha256"] == state.labels[image_id][-1].sha256
    qualities = [row["quality"] for row in report["images"]]
    assert qualities == sorted(qualities)
    assert qualities[0] < 1
    page = (root / "reports" / "labels.html").read_text()
    assert page.count("<img ") == 3 * sum(bool(row["regions"]) for row in report["images"])


def test_the_tasks_show_the_label_as_it_is(root: Path) -> None:
    report = json.loads((root / "reports" / "labels.json").read_text())
    storage = open_storage(str(root))
    folder = storage.local_dir(report["tasks"])
    tasks = json.loads((folder / "label_studio.json").read_text())
    asked = [row for row in report["images"] if row["regions"]][:2]
    assert [t["data"]["image_id"] for t in tasks] == [row["image_id"] for row in asked]
    assert asked[0]["regions"][0]["labeled"] in tasks[0]["data"]["reason"]
    for row in asked:
        name = png_mask.file_name(row["image_id"])
        shown = decode_mask((folder / "predictions" / name).read_bytes())
        label = read_label(storage, row["image_id"], row["sha256"])
        np.testing.assert_array_equal(shown, label)


def task_of_parts(root: Path, *parts: Tiles) -> tuple[str, np.ndarray, np.ndarray]:
    """The regions that the task of an image names that is labeled in these parts, its picture and its label."""
    context = Context(load(Path(RECIPE)).resolved(), str(root))
    records = Records(next((root / "records").iterdir()))
    report = json.loads((root / "reports" / "labels.json").read_text())
    row = CheckedLabel.model_validate(report["images"][0])
    state = context.ledger.state().copy()
    version = state.labels[row.image_id][-1]
    state.labels[row.image_id] = tuple(version._replace(tiles=tiles) for tiles in parts)
    folder = context.storage.local_dir(_ask(context, records, [row], state))
    (task,) = json.loads((folder / "label_studio.json").read_text())
    shown = cv2.imread(str(folder / "images" / f"{row.image_id}.png"))
    label = decode_mask((folder / "predictions" / png_mask.file_name(row.image_id)).read_bytes())
    return task["data"]["regions"], shown, label


def test_the_task_of_a_partly_labeled_image_shows_that_nothing_else_is_taken(root: Path) -> None:
    tiles = Tiles(2, 2, (1,))
    regions, shown, label = task_of_parts(root, tiles)
    assert regions == "1 of 2x2"
    lit = tiles.mask(label.shape)
    assert (label[~lit] == 255).all()
    assert (label[lit] != 255).any()
    assert shown[lit].mean() > 2 * shown[~lit].mean()


def test_the_task_of_regions_of_two_grids_shows_both(root: Path) -> None:
    """Grids whose common one has far more rows than the image has pixels."""
    parts = (Tiles(15, 30, tuple(range(90))), Tiles(16, 32, tuple(range(400, 512))))
    regions, shown, label = task_of_parts(root, *parts)
    assert parse_parts(regions) == parts
    lit = parts[0].mask(label.shape) | parts[1].mask(label.shape)
    assert (label[~lit] == 255).all()
    for tiles in parts:
        assert (label[tiles.mask(label.shape)] != 255).any()
    assert shown[lit].mean() > 2 * shown[~lit].mean()


def test_a_corrected_label_comes_home_even_if_no_query_asked_for_it(root: Path) -> None:
    storage = open_storage(str(root))
    ledger = Ledger(storage)
    image_id = "birkstadt_000000_000019"
    (before,) = ledger.state().labels[image_id]
    corrected = read_label(storage, image_id, before.sha256).copy()
    corrected[:8, :8] = 10
    path = root.parent / png_mask.file_name(image_id)
    path.write_bytes(png_mask.write(corrected))
    hand_in(storage, [path], "reviewer")
    records = Records(next((root / "records").iterdir()))
    ingest_inbox(ledger, records, FeedbackSettings(), None)
    now = ledger.state().current_labels[image_id]
    assert now.annotator == "reviewer"
    np.testing.assert_array_equal(read_label(storage, image_id, now.sha256), corrected)
    assert image_id in ledger.state().new_labels


def test_a_campaign_without_labels_is_refused_in_one_line(tmp_path: Path) -> None:
    done = CliRunner().invoke(main, ["labels", "check", RECIPE, "--root", str(tmp_path / "none")])
    assert done.exit_code == 1
    assert "No campaign in" in done.output
