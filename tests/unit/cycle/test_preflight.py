"""The first task tries the campaign root before it opens anything."""

from __future__ import annotations

import os
import re
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from components.contracts.ledger.ledger import Ledger
from components.contracts.process.errors import StreetloopError
from components.contracts.recipe.pod import bytes_of
from components.contracts.recipe.recipe import Recipe
from components.contracts.step.context import Context
from components.contracts.storage.errors import StorageError
from components.contracts.storage.open import open_storage
from components.cycle import open as opening
from components.cycle.preflight import check_root
from tests.support.places import REPOSITORY

USER = 10001


def _recipe(**cluster: object) -> str:
    return Recipe.model_validate({"name": "street", "cluster": cluster}).resolved()


@pytest.fixture
def roots_volume() -> Iterator[Path]:
    """A fresh volume as Kubernetes mounts it: root's, and readable for everybody."""
    if os.geteuid() != 0:
        pytest.skip("only root can make a folder of root's")
    folder = Path(tempfile.mkdtemp(prefix="volume-"))
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder)


@pytest.fixture
def as_pod() -> Iterator[None]:
    os.seteuid(USER)
    yield
    os.seteuid(0)


def test_a_volume_of_roots_is_named_with_its_owner_and_the_fix(
    roots_volume: Path, as_pod: None
) -> None:
    with pytest.raises(StorageError) as caught:
        check_root(Context(_recipe(), str(roots_volume / "street")))
    text = str(caught.value)
    assert f"{roots_volume}/street cannot be written: {roots_volume} belongs to user 0" in text
    assert "mode 0755" in text
    assert f"runs as user {USER}" in text
    assert "fsGroup" in text
    assert "containers/prepare-volume.yaml" in text


def test_the_job_of_a_volume_makes_it_writable_for_the_images_user(roots_volume: Path) -> None:
    job = yaml.safe_load((REPOSITORY / "containers" / "prepare-volume.yaml").read_text())
    (container,) = job["spec"]["template"]["spec"]["containers"]
    script = container["command"][-1]
    assert container["volumeMounts"][0]["mountPath"] == "/campaigns"
    assert os.system(script.replace("/campaigns", str(roots_volume)) + " >/dev/null") == 0
    lines = (REPOSITORY / "containers" / "runtime.Dockerfile").read_text().splitlines()
    user = [line for line in lines if line.startswith("USER")][-1]
    assert user == f"USER {roots_volume.stat().st_uid}:{roots_volume.stat().st_gid}"
    os.seteuid(USER)
    try:
        check_root(Context(_recipe(min_free="1M"), str(roots_volume / "street")))
    finally:
        os.seteuid(0)


def test_too_little_free_space_is_named(tmp_path: Path) -> None:
    check_root(Context(_recipe(min_free="1M"), str(tmp_path / "root")))
    with pytest.raises(StorageError, match=r"GB free, and cluster\.min_free asks for 900000T"):
        check_root(Context(_recipe(min_free="900000T"), str(tmp_path / "root")))


@pytest.mark.parametrize(("take_over", "words"), [(False, "min_free"), (True, "nowhere")])
def test_only_a_clusters_run_asks_for_free_space_and_opens_nothing_without(
    tmp_path: Path, take_over: bool, words: str
) -> None:
    root = str(tmp_path / "root")
    values = {
        "name": "street",
        "data": {"source": str(tmp_path / "nowhere")},
        "cluster": {"min_free": "900000T"},
    }
    with pytest.raises(StreetloopError, match=re.escape(words)):
        opening.run(Recipe.model_validate(values).resolved(), root, "one", take_over)
    assert not Ledger(open_storage(root)).state().created


@pytest.mark.parametrize(
    ("amount", "expected"), [("1G", 10**9), ("2Gi", 2 * 2**30), ("500M", 500 * 10**6)]
)
def test_bytes_of_reads_amounts_as_kubernetes_writes_them(amount: str, expected: int) -> None:
    assert bytes_of(amount) == expected
