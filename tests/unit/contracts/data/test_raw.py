"""Where the raw data set is."""

from __future__ import annotations

from pathlib import Path

import pytest

from components.contracts.data.raw import check_exists, locate
from components.contracts.process.errors import StreetloopError
from components.contracts.recipe.data import DataSettings
from components.contracts.storage.base import Storage
from components.contracts.storage.open import open_storage
from tests.support.tiny_source import write_item


@pytest.fixture
def campaign(tmp_path: Path) -> Storage:
    return open_storage(str(tmp_path / "root"))


def _streets(images: int = 8) -> DataSettings:
    size = {"size": [64, 128]}
    return DataSettings.model_validate({"synthetic": {"images": images, "val": 1} | size})


def _state(campaign: Storage, data: DataSettings, seed: int) -> tuple[int, str]:
    source = locate(data, seed, campaign, "source")
    return len(source.items), source.fingerprint(source.files)


def test_generated_streets_follow_the_settings(campaign: Storage) -> None:
    first = _state(campaign, _streets(), seed=1)
    assert _state(campaign, _streets(), seed=1) == first  # not drawn again
    assert _state(campaign, _streets(), seed=2) != first
    assert _state(campaign, _streets(images=10), seed=2)[0] == 11


def test_streets_of_an_older_campaign_stay(campaign: Storage) -> None:
    first = _state(campaign, _streets(), seed=1)
    campaign.write("source/complete", b"")
    assert _state(campaign, _streets(), seed=1) == first


def test_a_data_set_is_found_by_any_spelling_of_its_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, campaign: Storage
) -> None:
    write_item(tmp_path / "data", "aa_000000_000000")
    monkeypatch.setenv("HOME", str(tmp_path))
    for source in ("~/data", f"file://{tmp_path}/data", str(tmp_path / "data")):
        data = DataSettings(source=source)
        check_exists(data)
        assert len(locate(data, 0, campaign, "source").items) == 1


@pytest.mark.parametrize("source", ["~/datta", "file:///datta", None])
def test_a_data_set_that_does_not_exist_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, source: str | None
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    with pytest.raises(StreetloopError, match="datta" if source else "--data PATH"):
        check_exists(DataSettings(source=source))
