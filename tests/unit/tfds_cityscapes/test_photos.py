"""The decoder of photos: what it makes of each format and mode, and what it rejects."""

import io
import struct
import zlib

import cv2
import numpy as np
import pytest
from PIL import Image

from tfds_cityscapes import photos
from tfds_cityscapes.files import SourceError
from tfds_cityscapes.photos import decode_image

RGB = np.random.default_rng(0).integers(0, 256, (40, 60, 3), np.uint8)
PHOTO = Image.fromarray(RGB)
LOSSLESS = {"PNG": {}, "WEBP": {"lossless": True}, "BMP": {}, "TIFF": {"compression": "tiff_lzw"}}


def encoded(kind, image=PHOTO, **options):
    file = io.BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


@pytest.mark.parametrize("kind", LOSSLESS)
def test_lossless_formats_are_decoded_to_the_bit(kind):
    np.testing.assert_array_equal(decode_image("x", encoded(kind, **LOSSLESS[kind])), RGB)


@pytest.mark.parametrize("kind", ["PNG", "WEBP", "TIFF", "JPEG"])
def test_photos_are_turned_upright(kind):
    exif = Image.Exif()
    exif[0x112] = 6  # the camera was turned: a quarter clockwise to the right
    options = LOSSLESS.get(kind, {})
    plain = decode_image("x", encoded(kind, **options))
    image = decode_image("x", encoded(kind, exif=exif, **options))
    np.testing.assert_array_equal(image, np.rot90(plain, -1))


@pytest.mark.parametrize("mode", ["L", "1", "P", "LA", "CMYK"])
def test_other_modes_become_rgb(mode):
    other = PHOTO.convert(mode)
    kind = "TIFF" if mode == "CMYK" else "PNG"
    expected = np.asarray(other.convert("RGB"))
    np.testing.assert_array_equal(decode_image("x", encoded(kind, other)), expected)


def test_alpha_is_dropped_and_16_bits_become_8():
    clear = PHOTO.copy()
    clear.putalpha(0)
    np.testing.assert_array_equal(decode_image("x", encoded("PNG", clear)), RGB)
    for ending in (".png", ".tif"):
        deep = cv2.imencode(ending, RGB[..., ::-1].astype(np.uint16) * 257)[1].tobytes()
        np.testing.assert_array_equal(decode_image("x", deep), RGB)


@pytest.mark.parametrize("kind", [*LOSSLESS, "JPEG", "progressive JPEG"])
@pytest.mark.parametrize("part", [0.3, 0.75, 0.99])
def test_cut_off_files_are_rejected(kind, part, capfd):
    name, progressive = kind.rpartition(" ")[2], " " in kind
    options = {"progressive": True} if progressive else LOSSLESS.get(name, {})
    data = encoded(name, **options)
    with pytest.raises(SourceError, match=r"x\.jpg"):
        decode_image("x.jpg", data[: int(len(data) * part)])


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"", "it is empty"),
        (b"\0\0\0\x18ftypheic\0\0\0\0mif1", "HEIC photo, whatever its name"),
        (b"version https://git-lfs.github.com/spec/v1\noid", "git lfs pull"),
        (b"\n<!DOCTYPE html>", "web page"),
        (b"hello" * 100, "Expected PNG, JPEG"),
        (encoded("TIFF", Image.fromarray(RGB[..., 0].astype(np.float32))), "32 bits"),
    ],
    ids=["empty", "heic", "lfs", "html", "text", "float"],
)
def test_what_is_no_photo_is_rejected_with_what_it_is(data, why, capfd):
    with pytest.raises(SourceError, match=f"a.jpg cannot be decoded: .*{why}"):
        decode_image("a.jpg", data)


def chunk(kind, data):
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


@pytest.mark.parametrize("side", [12_000, 30_000, 2**31 - 1])
def test_the_header_does_not_decide_how_much_is_allocated(side, monkeypatch):
    header = chunk(b"IHDR", struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0))
    data = (
        b"\x89PNG\r\n\x1a\n" + header + chunk(b"IDAT", zlib.compress(b"\0")) + chunk(b"IEND", b"")
    )
    monkeypatch.setattr(photos.cv2, "imdecode", None)
    with pytest.raises(SourceError, match="134 megapixels"):
        decode_image("x.png", data)
