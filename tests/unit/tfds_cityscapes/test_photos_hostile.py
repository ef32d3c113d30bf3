"""Photos that are damaged anywhere: each is decoded, or rejected in words."""

from __future__ import annotations

import io

import numpy as np
import pytest
from hypothesis import event, given
from hypothesis import strategies as st
from PIL import Image

from tests.support.damage import damaged_bytes, examples
from tests.support.hostile_exports import png_files
from tfds_cityscapes.files import SourceError
from tfds_cityscapes.photos import MAX_PIXELS, decode_image

KINDS = ("PNG", "JPEG", "WEBP", "BMP", "TIFF", "GIF")


def _encoded(kind: str) -> bytes:
    file = io.BytesIO()
    pixels = np.random.default_rng(0).integers(0, 256, (12, 20, 3), np.uint8)
    Image.fromarray(pixels).save(file, kind)
    return file.getvalue()


SOUND = {kind: _encoded(kind) for kind in KINDS}


def must_hold(data: bytes) -> None:
    try:
        image = decode_image("photo", data)
    except SourceError:
        event("rejected")
        return
    event("decoded")
    assert image.dtype == np.uint8
    assert image.shape[2:] == (3,)
    assert 0 < image.size <= 3 * MAX_PIXELS


@pytest.mark.parametrize("kind", KINDS)
@given(data=st.data())
@examples(60)
def test_a_damaged_photo_is_decoded_or_rejected(kind: str, data: st.DataObject) -> None:
    must_hold(data.draw(damaged_bytes(SOUND[kind])))


@given(png_files())
@examples(100)
def test_a_png_that_lies_is_decoded_or_rejected(data: bytes) -> None:
    must_hold(data)
