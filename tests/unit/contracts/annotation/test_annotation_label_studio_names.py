import base64
import json

import numpy as np
import pytest

from components.contracts.annotation import KnownImages, Limits, read_bytes
from components.contracts.annotation.label_studio import write_task
from components.contracts.annotation.label_studio.names import image_id_of, path_of
from components.contracts.annotation.model import AnnotationError

MAP = np.array([[0, 13], [255, 18]], np.uint8)
KNOWN = KnownImages(dict.fromkeys(("a_1", "b_2", "my street", "007"), (2, 2)))
NONE = KnownImages()


def fileuri(address: str, encode=base64.b64encode) -> str:
    return f"/tasks/5/resolve/?fileuri={encode(address.encode()).decode()}"


@pytest.mark.parametrize(
    ("address", "path"),
    [
        ("/data/upload/4/1a2b3c4d-a_1.png", "/data/upload/4/1a2b3c4d-a_1.png"),
        ("/data/local-files/?d=pool/my%20street+1.png", "pool/my street+1.png"),
        ("https://host/x/a_1.png?d=7&X-Signature=abc", "/x/a_1.png"),
        ("http://host/my%20street.png", "/my street.png"),
        (fileuri("s3://bucket/pool/a?1#x.png"), "s3://bucket/pool/a?1#x.png"),
        (fileuri("gs://b/ÿÿ>>?.png", base64.urlsafe_b64encode), "gs://b/ÿÿ>>?.png"),
        (fileuri("s3://b/a_1.png").rstrip("="), "s3://b/a_1.png"),
        (f"http://host{fileuri('s3://b/a_1.png')}", "s3://b/a_1.png"),
        ("a 100% b.png", "a 100% b.png"),
    ],
)
def test_address_of_an_image_gives_its_path(address, path):
    assert path_of(address) == path


def test_address_that_is_not_base64_is_rejected():
    with pytest.raises(AnnotationError, match="Base64"):
        path_of("/tasks/5/resolve/?fileuri=***")


@pytest.mark.parametrize("images", [KNOWN, NONE])
@pytest.mark.parametrize(
    ("data", "image_id"),
    [
        ({"image_id": "a_1", "image": "x"}, "a_1"),
        ({"image_url": "s3://bucket/a_1.png", "weather": "rain"}, "a_1"),
        ({"img": "/data/upload/1/0a1b2c3d-a_1.png", "page": "https://host/about"}, "a_1"),
        ({"image": fileuri("s3://bucket/a_1_leftImg8bit.png")}, "a_1"),
        ({"image": "a_1.png", "thumbnail": "small.png"}, "a_1"),
        ({"image_id": None, "image": "a_1.png"}, "a_1"),
    ],
)
def test_task_names_its_image(data, image_id, images):
    assert image_id_of(data, images) == image_id


@pytest.mark.parametrize(
    ("data", "image_id"),
    [
        ({"image_id": 4711, "image": "pool/a_1.png"}, "a_1"),  # the id of a database
        ({"image_id": 7}, "007"),
        ({"image_id": 7.0}, "007"),
        ({"image_id": " a_1 ", "image": "data:image/png;base64,iVBOR/w0KGgo="}, "a_1"),
        ({"image": "/data/upload/1/0a1b2c3d-my_street.png"}, "my street"),
        ({"image": "blob", "path": "a_1.png", "overview": "map.png"}, "a_1"),
        ({"left": "a_1.png", "right": "a_1_right.png"}, "a_1"),
    ],
)
def test_task_means_the_image_that_is_known(data, image_id):
    assert image_id_of(data, KNOWN) == image_id


def test_number_is_an_id():
    assert image_id_of({"image_id": 4711}, NONE) == "4711"


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        ({"image_id": "a_1", "image": "b_2.png"}, '"a_1", but its "image" is "b_2"'),
        ({"left": "a_1.png", "right": "b_2.png"}, "mean different images"),
        ({"left": "x.png", "right": "y.png"}, "keys are: left, right"),
        ({"weather": "rain"}, "keys are: weather"),
        ({}, "keys are: none"),
        ({"image": ["a_1.png"]}, "keys are: image"),
    ],
)
def test_task_without_one_image_is_rejected(data, reason):
    with pytest.raises(AnnotationError, match=reason):
        image_id_of(data, KNOWN)


def stored(**more) -> dict:
    """Return an annotation as Label Studio writes it to a target storage."""
    task = write_task("a_1", "s3://bucket/a_1.png", MAP)
    result = task.pop("predictions")[0]["result"]
    return {"id": 10, "completed_by": 3, "result": result, "task": {"id": 5, **task}, **more}


def read(value: object):
    return read_bytes("10", json.dumps(value).encode(), Limits(), images=KNOWN)


def test_annotation_of_a_target_storage_is_read():
    for value in (stored(), [stored(), stored(task={"data": {"image": "b_2.png"}})]):
        batch = read(value)
        assert batch.refusals == ()
        assert (batch.annotations[0].image_id, batch.annotations[0].annotator) == ("a_1", "3")
        np.testing.assert_array_equal(batch.annotations[0].train_ids, MAP)
    assert batch.annotations[1].image_id == "b_2"
    assert read(stored(was_cancelled=True)).skipped[0].image_id == "a_1"


def test_annotation_that_names_only_the_number_of_its_task_is_rejected():
    assert "task 5, whose data" in read(stored(task=5)).refusals[0].reason
