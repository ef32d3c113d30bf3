"""Malformed exports: no exception, no silence, nothing impossible accepted.

`tests/unit/feedback/test_ingest_hostile.py` reads thousands more of them, through the whole ingestion.
"""

import json

import numpy as np
from hypothesis import event, given
from hypothesis import strategies as st

from components.contracts.annotation import read_bytes
from tests.support.damage import examples
from tests.support.hostile_exports import (
    LIMITS,
    SOUND,
    TEXTS,
    TREES,
    damaged,
    distorted,
    is_a_reason,
    label_studio,
    png_files,
    strokes,
    zip_files,
)
from tfds_cityscapes.names import is_one_line


def must_hold(name: str, data: bytes) -> None:
    """Read any file at all and check what must hold."""
    batch = read_bytes(name, data, LIMITS, "eve")
    event("rejected" if batch.refusals else "accepted")
    assert batch.annotations or batch.skipped or batch.refusals
    for refusal in batch.refusals:
        assert is_a_reason(refusal.reason)
        assert "fault of the reader" not in refusal.reason
        assert len(refusal.reason) < 800
        assert (refusal.name + refusal.reason).isprintable()
    for annotation in batch.annotations:
        image_id, train_ids = annotation.image_id, annotation.train_ids
        assert is_one_line(image_id)
        assert not set(image_id) & set("/\\")
        assert not image_id.startswith(".")
        assert 0 < len(image_id) <= 200
        assert train_ids.dtype == np.uint8
        assert train_ids.ndim == 2
        assert 0 < train_ids.size <= LIMITS.max_pixels
        assert ((train_ids < 19) | (train_ids == 255)).all()
        assert (annotation.annotator + annotation.source).isprintable()
    for skipped in batch.skipped:
        assert is_one_line(skipped.image_id)
        assert (skipped.annotator + skipped.why).isprintable()
    assert sum(a.train_ids.size for a in batch.annotations) <= LIMITS.max_batch_pixels


@given(damaged())
@examples(200)
def test_reader_survives_damaged_files(parts):
    must_hold(*parts)


@given(distorted())
@examples(200)
def test_reader_survives_distorted_json(parts):
    must_hold(*parts)


@given(TREES)
@examples(100)
def test_reader_survives_any_json(value):
    must_hold("export.json", json.dumps(value).encode())


@given(st.integers(1, 200_000), st.sampled_from(["[", '{"data":', '[{"annotations":[']))
@examples(30)
def test_reader_survives_deeply_nested_json(depth, opening):
    data = (opening * depth).encode()[: LIMITS.max_file_bytes]
    must_hold("export.json", data)
    closing = {"[": "]", '{"data":': "}", '[{"annotations":[': "]}]"}[opening]
    must_hold("export.json", (opening * depth + closing * depth).encode()[: 2**20])


@given(png_files(), st.sampled_from(["a_labelIds.png", "a_trainIds.png", "a_color.png", "a.png"]))
@examples(100)
def test_reader_survives_png_files_that_lie(data, name):
    must_hold(name, data)


@given(strokes())
@examples(100)
def test_reader_survives_brush_strokes_of_random_data(stroke):
    tasks = label_studio()
    tasks[0]["annotations"][0]["result"][0]["value"]["rle"] = stroke
    must_hold("export.json", json.dumps(tasks).encode())


@given(zip_files())
@examples(150)
def test_reader_survives_zips_that_lie(data):
    must_hold("job.zip", data)


@given(TEXTS, st.sampled_from(sorted(SOUND)))
@examples(150)
def test_reader_survives_hostile_file_names(text, name):
    must_hold(text + name, SOUND[name])
    must_hold(text, SOUND[name])


@given(TEXTS, st.booleans())
@examples(100)
def test_reader_survives_hostile_image_ids(text, by_url):
    tasks = label_studio()
    tasks[0]["data"] = {"image": text} if by_url else {"image_id": text}
    must_hold("export.json", json.dumps(tasks).encode())
