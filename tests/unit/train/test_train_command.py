"""`python -m components.train`: what its model says about the images that it was trained on."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import keras
import pytest

from components.contracts.data.records import Records
from components.contracts.model.files import read_model_info
from components.contracts.recipe.data import DataSettings, SplitSettings
from components.preprocess.build import divide, write_records
from components.split.join import join
from components.train.__main__ import main
from pipelines.predict.model import as_trained, model_file
from tests.support.tiny_source import write_item
from tfds_cityscapes.source import open_source

pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation doesn't accept a copy")

NATIVE, ODD, STORED = (40, 56), (48, 64), (32, 40)


def records_of(folder: Path, odd: bool, **data: Any) -> Records:
    """Records of three images; the last is larger if `odd`."""
    for frame in range(3):
        size = ODD if odd and frame == 2 else NATIVE
        write_item(folder / "data", f"aa_000000_{frame:06d}", size=size)
    source = open_source(folder / "data")
    division = divide(source, DataSettings(**data), SplitSettings(dev_fraction=0, guard=0), seed=0)
    return write_records(division, folder / "records").records


@pytest.mark.parametrize(
    ("odd", "data", "size"),
    [
        (False, {"size": STORED}, STORED),
        (True, {"size": STORED}, STORED),
        (True, {"size": ODD}, ODD),
        (False, {}, NATIVE),
        (True, {}, None),
    ],
    ids=["stored", "stored from two sizes", "stored at one of two sizes", "native", "native, two"],
)
def test_predict_learns_the_size_at_which_images_were_stored(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    odd: bool,
    data: dict[str, Any],
    size: tuple[int, int] | None,
) -> None:
    records = records_of(tmp_path, odd, **data)
    source = open_source(tmp_path / "data")
    items = {item.image_id: item for item in source.items}
    join(records, list(items)[:1], lambda i: source.read_label(items[i]), tmp_path / "split")
    image = keras.Input((None, None, 3))
    network = keras.Model(image, keras.layers.Conv2D(19, 1)(image))
    fitted = SimpleNamespace(
        networks=SimpleNamespace(to_save=lambda: (network, network)),
        steps=1,
        best_step=1,
        dev_miou=None,
        seconds=0.0,
        waiting=0.0,
    )
    monkeypatch.setattr("components.train.fit.fit", lambda *_, **__: fitted)
    monkeypatch.setattr("components.contracts.step.context.begin", lambda step: None)
    arguments = ["--records", records.folder, "--labeled", tmp_path / "split/labeled"]
    arguments += ["--unlabeled", tmp_path / "split/unlabeled.txt", "--output", tmp_path / "fit"]
    assert main([str(a) for a in arguments]) == 0
    folder = tmp_path / "fit" / "model"
    assert as_trained(model_file(str(folder), None))[0] == size
    assert ("data" in read_model_info(folder).recipe) is (size is not None)
