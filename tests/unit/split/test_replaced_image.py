"""An image that is replaced at another size after it was labeled: a new label must reach the cycle."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from components.contracts.annotation import png_mask
from components.contracts.ledger.campaign import create_campaign
from components.contracts.ledger.inbox import put
from components.contracts.ledger.lease import open_cycle
from components.contracts.ledger.ledger import Ledger
from components.contracts.process.errors import StreetloopError
from components.contracts.recipe.recipe import Recipe
from components.contracts.step.plan import Plan
from components.contracts.step.results import SplitResult
from components.contracts.storage.open import open_storage
from components.cycle import close
from components.feedback import step as feedback
from components.preprocess import step as preprocess
from components.split import step as split
from tests.support.tiny_source import write_item

IMAGES = [f"aa_00000{n}_000000" for n in range(4)]
LABELED = IMAGES[0]
SMALL, LARGE = (32, 48), (64, 96)

Light = Callable[[str], SplitResult]


@pytest.fixture
def ledger(tmp_path: Path) -> Ledger:
    for image_id in IMAGES:
        write_item(tmp_path / "data", image_id, size=SMALL, mask=False)
    write_item(tmp_path / "data", "bb_000000_000000", "val")
    recipe = _recipe(tmp_path)
    return create_campaign(open_storage(str(tmp_path / "root")), "street", recipe.values(), {})


@pytest.fixture
def light(tmp_path: Path, ledger: Ledger, monkeypatch: pytest.MonkeyPatch) -> Light:
    """The steps of a run before its training; the run that had the cycle has failed."""
    for step in (preprocess, feedback, split, close):
        monkeypatch.setattr(step, "begin", lambda name: None)
    recipe, root = _recipe(tmp_path).resolved(), str(tmp_path / "root")

    def run(owner: str) -> SplitResult:
        lease = open_cycle(ledger, owner, 60, take_over=True)
        records = preprocess.run(recipe, root, *lease)
        assert feedback.run(recipe, root, *lease, records).plan == Plan.TRAIN
        return split.run(recipe, root, *lease, records)

    return run


def _recipe(folder: Path) -> Recipe:
    values = {
        "name": "street",
        "data": {"source": str(folder / "data")},
        "split": {"dev_fraction": 0.0},
        "feedback": {"allow_unasked": True},
    }
    return Recipe.model_validate(values)


def _hand_in(ledger: Ledger, image_id: str, size: tuple[int, int]) -> None:
    label = png_mask.write(np.full(size, 3, np.uint8))
    put(ledger.storage, png_mask.file_name(image_id), label)


def _replace(folder: Path) -> None:
    write_item(folder / "data", LABELED, size=LARGE, mask=False)


def test_a_new_label_of_a_replaced_image_mends_the_cycle(
    tmp_path: Path, ledger: Ledger, light: Light
) -> None:
    _hand_in(ledger, LABELED, SMALL)
    assert light("first").labeled == 1  # and its training was killed
    _replace(tmp_path)
    with pytest.raises(StreetloopError, match=f"{LABELED} has 32x48 .* Label the image again"):
        light("second")
    page = close.run(_recipe(tmp_path).resolved(), ledger.storage.uri, "second")
    assert LABELED in page  # what it has ingested
    _hand_in(ledger, LABELED, LARGE)
    assert light("third").labeled == 1
    assert ledger.storage.list("inbox") == []
    assert len(ledger.state().labels[LABELED]) == 2


def test_a_cycle_whose_query_is_out_takes_no_further_label(
    tmp_path: Path, ledger: Ledger, light: Light
) -> None:
    _hand_in(ledger, LABELED, SMALL)
    light("first")
    items = [{"image_id": IMAGES[1], "score": None, "reason": "x", "cost": 1.0}]
    query = {"cycle": 1, "strategy": "random", "model": None, "items": items}
    ledger.commit("query", "query/1", query, fence=ledger.state().fence)
    _replace(tmp_path)
    with pytest.raises(StreetloopError, match="or put the image back"):
        light("second")
    _hand_in(ledger, LABELED, LARGE)
    with pytest.raises(StreetloopError):
        light("third")
    assert len(ledger.storage.list("inbox")) == 1
    write_item(tmp_path / "data", LABELED, size=SMALL, mask=False)
    assert light("fourth").labeled == 1
