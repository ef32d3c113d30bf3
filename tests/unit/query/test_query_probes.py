"""Probes: which images are drawn, where they stand in the query, and what the ledger says of them."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from components.contracts.data.records import Records
from components.contracts.ledger.campaign import create_campaign
from components.contracts.ledger.events import Label, LabelsAccepted, QueryItem
from components.contracts.ledger.lease import close_cycle, open_cycle
from components.contracts.ledger.state import LabelVersion, State
from components.contracts.step.context import Context
from components.contracts.storage.open import open_storage
from components.query import step
from components.query.pool import Images
from components.query.probes import draw, mix
from components.query.scored import Scored
from components.query.tasks import enlarged
from pipelines.cli import main
from tests.support.places import RECIPES
from tfds_cityscapes.layout import Item
from tfds_cityscapes.source import Source

CAMPAIGN = Path(__file__).parents[2] / "fixtures" / "campaigns" / "v0.1"
RECORDS = next((CAMPAIGN / "records").iterdir())


def rng() -> np.random.Generator:
    return np.random.default_rng(1)


def state(labeled: str = "", asked: str = "", probes: str = "", skipped: str = "") -> State:
    version = LabelVersion("x", "0", "data set", None, 0)
    found = State(labels=dict.fromkeys(labeled, (version,)), asked=dict.fromkeys(asked, 1))
    found.probes, found.skipped = dict.fromkeys(probes, ()), dict.fromkeys(skipped)
    return found


def drawn_from(candidates: str, known: State, masked: str, share: float, count: int) -> set[str]:
    images = Images(list(candidates), sorted(known.labels))
    drawn = draw(images, lambda: set(masked), known, (share, count), rng())
    assert len(set(drawn)) == len(drawn)
    return set(drawn)


def test_labeled_images_that_nobody_was_asked_for_come_first() -> None:
    known = state(labeled="abcde", asked="a", probes="b", skipped="c")
    assert drawn_from("xyzuvw", known, "abcdexyz", 1.0, 3) - set("xyz") == {"d", "e"}
    images = Images(list("xyzuvw"), list("abcde"))

    def needless() -> set[str]:
        raise AssertionError("the data set was opened")

    assert set(draw(images, needless, known, (0.5, 3), rng())) == {"d", "e"}


def test_a_label_that_is_not_the_data_sets_mask_alone_is_no_truth() -> None:
    known = state(labeled="abc")
    mask = known.labels["a"][0]
    known.labels["a"] = (mask, mask._replace(annotator="eve", number=1))  # a correction
    known.labels["b"] = (mask._replace(annotator="eve"),)
    assert drawn_from("wxyz", known, "abcz", 1.0, 3) == {"c", "z"}


def test_the_number_is_a_share_rounded_up_and_leaves_the_query_its_images() -> None:
    known, candidates = state(), [f"i{n}" for n in range(10)]
    for share, count, expected in [
        (0.1, 8, 1),
        (0.5, 5, 3),
        (0.0, 8, 0),
        (1.0, 8, 2),
        (1.0, 10, 0),
    ]:
        drawn = draw(Images(candidates, []), lambda: candidates, known, (share, count), rng())
        assert len(set(drawn)) == len(drawn) == expected
    assert draw(Images(candidates, []), list, known, (1.0, 3), rng()) == []
    many = [f"i{n}" for n in range(200)]
    assert len(draw(Images(many, []), lambda: many, known, (0.07, 100), rng())) == 7


def test_nothing_tells_probes_apart_by_their_place_or_score() -> None:
    chosen = [Scored(f"i{n}", float(9 - n), "r") for n in range(9)]
    mixed = mix(chosen, ["p", "q"], rng())
    assert [one for one in mixed if one.image_id[0] == "i"] == chosen
    scores = [one.score for one in mixed]
    assert scores == sorted(scores, reverse=True)
    places = {
        [one.image_id for one in mix(chosen, ["p"], np.random.default_rng(seed))].index("p")
        for seed in range(200)
    }
    assert places == set(range(10))


def test_the_query_step_asks_for_probes_beside_the_other_images(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = tmp_path / "root"
    shutil.copytree(RECORDS, root / "records" / "r")
    recipe = {"name": "x", "query": {"query_size": 3, "probes": 0.5}}
    ledger = create_campaign(open_storage(str(root)), "x", recipe, {})
    ids = Records(RECORDS).ids("train")
    masked = set(ids[:3])
    items = tuple(Item(i, "aa", "train", "x.png", "y.png" if i in masked else None) for i in ids)
    monkeypatch.setattr(Context, "source", lambda self: Source("s", {}, items))
    monkeypatch.setattr(step, "begin", lambda name: None)
    monkeypatch.setattr(step.Originals, "image_of", lambda self, record: enlarged(record))
    lease = open_cycle(ledger, "run", 60)
    labels = [Label(image_id=i, sha256="0" * 64, annotator="data set") for i in ids[:3]]
    accepted = LabelsAccepted(file_sha256="0" * 64, file_name="a", labels=labels, refused=[])
    ledger.commit("labels_accepted", "labels/a", accepted, fence=lease.fence)
    assert step.run(json.dumps(recipe), str(root), *lease, "records/r").asked == 5
    query = ledger.events()[-1].payload
    assert set(query.probes) < masked
    assert len(query.probes) == 2
    known = ledger.state()
    assert set(known.probes) == set(query.probes) <= set(known.outstanding)
    assert set(known.labels) == masked
    tasks = json.loads((root / "queries/1/label_studio.json").read_text())
    assert {task["data"]["image_id"] for task in tasks} == {i.image_id for i in query.items}
    # Probes that wait take no place of other images.
    answered = next(i.image_id for i in query.items if i.image_id not in query.probes)
    label = Label(image_id=answered, sha256="1" * 64, annotator="ann")
    more = LabelsAccepted(file_sha256="1" * 64, file_name="b", labels=[label], refused=[])
    ledger.commit("labels_accepted", "labels/b", more, fence=lease.fence)
    close_cycle(ledger, 1, lease.fence, "waiting", None, {})
    lease = open_cycle(ledger, "two", 60)
    assert step.run(json.dumps(recipe), str(root), *lease, "records/r").asked == 2
    query = ledger.events()[-1].payload
    assert set(known.probes) | set(query.probes) == masked
    assert not masked & {i.image_id for i in query.items if i.image_id not in query.probes}


def test_a_query_without_probes_is_written_as_before(tmp_path: Path) -> None:
    ledger = create_campaign(open_storage(str(tmp_path)), "x", {}, {})
    lease = open_cycle(ledger, "run", 60)
    item = QueryItem(image_id="a", score=None, reason="r", cost=1.0)
    query = {"cycle": 1, "strategy": "random", "model": None, "items": [item], "probes": []}
    ledger.commit("query", "query/1", query, fence=lease.fence)
    assert b"probes" not in ledger.storage.read("ledger/000002.json")


def test_probes_are_for_people(tmp_path: Path) -> None:
    recipe = str(RECIPES / "synthetic_simulation.yaml")
    changes = ["--set", "query.probes=0.2", "--root", str(tmp_path / "root")]
    result = CliRunner().invoke(main, ["run", recipe, *changes])
    assert result.exit_code == 2
    assert "set query.probes to 0" in result.output
