"""The smoke campaign in containers of the image: the same ledger as in processes of this machine.

`make test-containers` builds the image; STREETLOOP_IMAGE names it.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from components.contracts.ledger.ledger import Ledger
from components.contracts.recipe.recipe import Recipe, load
from components.contracts.storage.open import open_storage
from tests.support.campaigns import SMOKE, models_of, streetloop
from tests.support.containers import MOUNT, Pods, image_name, run_by_kfp, volume

pytestmark = pytest.mark.containers
ROOT = f"{MOUNT}/smoke"
CYCLES = 2
# Differ between any two runs: who holds the cycle and until when, seconds, and the folder of the records,
# whose name hashes the times of the source's files, which each campaign generates for itself.
VOLATILE = {"owner", "expires_at", "seconds", "records"}

Content = list[tuple[str, dict[str, Any]]]


@pytest.fixture(scope="module")
def settings() -> list[str]:
    """The settings of a cluster with a volume, which all three runs get: a recipe is in the ledger."""
    return [f"cluster.image={image_name()}", "cluster.volume=campaigns"]


@pytest.fixture(scope="module")
def recipe(settings: list[str]) -> Recipe:
    return load(Path(SMOKE), settings)


@pytest.fixture(scope="module")
def expected(settings: list[str], tmp_path_factory: pytest.TempPathFactory) -> Content:
    """The ledger of a run in processes of this machine."""
    place = tmp_path_factory.mktemp("processes")
    options = [word for setting in settings for word in ("--set", setting)]
    done = streetloop("run", SMOKE, "--root", str(place / "smoke"), *options, cwd=place)
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
    return content(place / "smoke")


def content(root: Path) -> Content:
    """What the ledger's events say: splits, labels, queries with their scores, and metrics; and the models."""
    ledger = Ledger(open_storage(str(root)))
    assert ledger.verify() == []
    # Their ids hash the weights. A model that was not promoted is not in the ledger.
    models: Content = [("models", {"ids": models_of(root)})]
    return models + [
        (event.kind, without_volatile(event.payload.model_dump(mode="json")))
        for event in ledger.events()
        if event.kind != "tracking"
    ]


def without_volatile(value: Any) -> Any:
    if isinstance(value, dict):
        return {k: without_volatile(v) for k, v in value.items() if k not in VOLATILE}
    return [without_volatile(v) for v in value] if isinstance(value, list) else value


def test_docker_runner_ends_with_the_same_ledger(
    recipe: Recipe, expected: Content, tmp_path: Path
) -> None:
    campaigns, outputs = volume(tmp_path / "campaigns"), volume(tmp_path / "outputs")
    for _ in range(CYCLES):
        run_by_kfp(recipe, ROOT, campaigns, outputs)
    assert content(campaigns / "smoke") == expected


def test_the_pods_commands_end_with_the_same_ledger_where_only_tmp_and_the_volume_are_writable(
    recipe: Recipe, expected: Content, tmp_path: Path
) -> None:
    campaigns = volume(tmp_path / "campaigns")
    pods = Pods.compiled(recipe, ROOT, campaigns, tmp_path)
    for cycle in range(CYCLES):
        pods.run(recipe, ROOT, f"run-{cycle}")
    assert content(campaigns / "smoke") == expected
    assert {path.stat().st_uid for path in (campaigns / "smoke").rglob("*")} == {10001}
