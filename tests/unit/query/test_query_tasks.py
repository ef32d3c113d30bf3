"""What a query hands to annotators: each image at its own size, not an enlarged record."""

from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np
import pytest

from components.contracts.data.records import Records
from components.contracts.ledger.campaign import create_campaign
from components.contracts.ledger.lease import open_cycle
from components.contracts.process.errors import StreetloopError
from components.contracts.recipe.data import DataSettings, SplitSettings
from components.contracts.step.results import QueryResult
from components.contracts.storage.open import open_storage
from components.preprocess.build import divide, write_records
from components.query import step
from components.query.originals import Originals
from components.query.tasks import enlarged
from tests.support.tiny_source import image_of, write_item, zip_up
from tfds_cityscapes.source import open_source

NATIVE, ODD, STORED = (40, 56), (48, 64), (32, 40)
IDS = [f"aa_000000_{frame:06d}" for frame in range(4)]
SIZES = dict.fromkeys(IDS, NATIVE) | {IDS[0]: ODD}


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of images without masks; one is a JPEG."""
    root = tmp_path_factory.mktemp("data")
    for image_id in IDS:
        ending = "jpg" if image_id == IDS[3] else "png"
        write_item(root, image_id, "train", SIZES[image_id], ending, mask=False)
    (root / "gtFine").mkdir()
    return root


@pytest.fixture(scope="module")
def records(data: Path, tmp_path_factory: pytest.TempPathFactory) -> Records:
    division = divide(open_source(data), DataSettings(size=STORED), SplitSettings(), seed=0)
    return write_records(division, tmp_path_factory.mktemp("records")).records


def original(data: Path, image_id: str) -> np.ndarray:
    (path,) = (data / "leftImg8bit/train/aa").glob(f"{image_id}_*")
    return cv2.imread(str(path))


def asked(root: str, source: str, records: Records, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder that the query of a campaign without a model leaves; the step is run twice."""
    storage = open_storage(root)
    recipe = {"name": "x", "seed": 0, "data": {"source": source, "size": list(STORED)}}
    lease = open_cycle(create_campaign(storage, "x", recipe, {}), "run", 60)
    storage.put_dir(records.folder, "records/r")
    monkeypatch.setattr(step, "begin", lambda name: None)
    found = [step.run(json.dumps(recipe), root, *lease, "records/r") for _ in range(2)]
    assert found == [QueryResult(asked=len(IDS), prefix="queries/1")] * 2
    return storage.local_dir("queries/1")


def test_a_query_writes_the_images_of_the_source_unchanged(
    data: Path, records: Records, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = asked(str(tmp_path / "root"), str(data), records, monkeypatch)
    for image_id in IDS:
        image = cv2.imread(str(folder / "images" / f"{image_id}.png"))
        np.testing.assert_array_equal(image, original(data, image_id))
    np.testing.assert_array_equal(
        original(data, IDS[0])[..., ::-1], image_of(sum(IDS[0].encode()), ODD)
    )


def test_a_query_fetches_from_a_bucket_only_the_images_it_asks_for(
    data: Path, records: Records, gcs_root: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    open_storage(f"{gcs_root}/data").put_dir(data / "leftImg8bit", "leftImg8bit")
    monkeypatch.setattr("components.query.originals.locate", None)
    folder = asked(str(tmp_path / "root"), f"{gcs_root}/data", records, monkeypatch)
    for image_id in IDS:
        image = cv2.imread(str(folder / "images" / f"{image_id}.png"))
        np.testing.assert_array_equal(image, original(data, image_id))


def test_originals_reads_zips_in_a_bucket(
    data: Path, records: Records, gcs_root: str, tmp_path: Path
) -> None:
    zip_up(data, "leftImg8bit", tmp_path / "images.zip")
    open_storage(f"{gcs_root}/data").put_file(tmp_path / "images.zip", "images.zip")
    settings = DataSettings(source=f"{gcs_root}/data", size=STORED)
    found = Originals(settings, 0, open_storage(str(tmp_path / "root")))
    image = found.image_of(records.read(IDS[0]))
    np.testing.assert_array_equal(image[..., ::-1], original(data, IDS[0]))


def test_originals_rejects_an_image_that_is_missing_or_has_changed(
    records: Records, tmp_path: Path
) -> None:
    write_item(tmp_path / "data", IDS[0], size=(44, 60))
    settings = DataSettings(source=str(tmp_path / "data"), size=STORED)
    found = Originals(settings, 0, open_storage(str(tmp_path / "root")))
    with pytest.raises(StreetloopError, match=f"Cannot read the image {IDS[1]}.*Restore"):
        found.image_of(records.read(IDS[1]))
    with pytest.raises(StreetloopError, match=r"record says 48x64 .*has 44x60"):
        found.image_of(records.read(IDS[0]))


def test_originals_needs_no_source_for_records_of_native_size(data: Path, tmp_path: Path) -> None:
    division = divide(open_source(data), DataSettings(), SplitSettings(), seed=0)
    native = write_records(division, tmp_path / "native").records
    found = Originals(DataSettings(source="/nowhere"), 0, open_storage(str(tmp_path / "root")))
    for image_id in IDS:
        record = native.read(image_id)
        np.testing.assert_array_equal(found.image_of(record)[..., ::-1], original(data, image_id))
        assert enlarged(record) is record.image


def test_enlarged_resizes_a_stored_image_to_native_size(records: Records) -> None:
    assert enlarged(records.read(IDS[0])).shape == (*ODD, 3)
