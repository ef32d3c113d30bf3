import io
import struct
import zlib

import cv2
import numpy as np
import pytest
from PIL import Image

from components.contracts.annotation import AnnotationError, Limits
from components.contracts.annotation.limits import Budget
from components.contracts.annotation.png_mask import file_name, read, write

ENCODINGS = ("label_ids", "train_ids", "color")


def some_map(seed: int = 0) -> np.ndarray:
    train_ids = np.random.default_rng(seed).integers(0, 20, (7, 11)).astype(np.uint8)
    return np.where(train_ids == 19, 255, train_ids).astype(np.uint8)


def budget(**limits) -> Budget:
    return Budget(Limits(**limits))


def pil_png(image: Image.Image, **options) -> bytes:
    stream = io.BytesIO()
    image.save(stream, "PNG", **options)
    return stream.getvalue()


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_mask_is_read_back_exactly_by_the_encoding_in_its_name(encoding):
    train_ids = some_map()
    annotation = read(file_name("a_1", encoding), write(train_ids, encoding), budget(), "eve")
    assert (annotation.image_id, annotation.annotator) == ("a_1", "eve")
    np.testing.assert_array_equal(annotation.train_ids, train_ids)


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_mask_content_decides_the_encoding_if_only_one_is_possible(encoding):
    annotation = read("a_1.png", write(some_map(), encoding), budget())
    np.testing.assert_array_equal(annotation.train_ids, some_map())


def test_ambiguous_mask_is_rejected_unless_name_or_encoding_decides():
    data = cv2.imencode(".png", np.full((2, 2), 7, np.uint8))[1].tobytes()
    with pytest.raises(AnnotationError, match=r"_labelIds or _trainIds"):
        read("a.png", data, budget())
    assert (read("a.png", data, budget(), encoding="label_ids").train_ids == 0).all()
    assert (read("a.png", data, budget(), encoding="train_ids").train_ids == 7).all()
    assert (read("a_gtFine_labelIds.png", data, budget()).train_ids == 0).all()


def test_palette_image_in_cityscapes_colours_is_read_by_its_colours():
    train_ids = np.arange(19, dtype=np.uint8)[None]
    indices = train_ids[:, ::-1].copy()  # places in the palette that are not the train ids
    image = Image.fromarray(indices).convert("L")
    colors = cv2.imdecode(np.frombuffer(write(train_ids, "color"), np.uint8), 1)[..., ::-1]
    image.putpalette(colors[0, ::-1].ravel().tolist())
    np.testing.assert_array_equal(read("a.png", pil_png(image), budget()).train_ids, train_ids)


@pytest.mark.parametrize("mode", ["RGB", "RGBA", "LA", "I;16"])
def test_ids_that_another_program_saved_as_gray_are_read(mode):
    train_ids = some_map()
    image = Image.fromarray(train_ids.astype(np.uint16) if mode == "I;16" else train_ids)
    data = pil_png(image if mode == "I;16" else image.convert(mode))
    np.testing.assert_array_equal(read("a_trainIds.png", data, budget()).train_ids, train_ids)


def test_colours_with_an_alpha_channel_are_read_as_the_benchmark_saves_them():
    image = Image.open(io.BytesIO(write(some_map(), "color"))).convert("RGBA")
    annotation = read("a_color.png", pil_png(image), budget())
    np.testing.assert_array_equal(annotation.train_ids, some_map())


def test_colour_of_two_classes_is_the_scored_class():
    pixels = np.array([[[153, 153, 153], [142, 0, 0], [0, 0, 0], [81, 0, 81]]], np.uint8)  # BGR
    data = cv2.imencode(".png", pixels)[1].tobytes()
    assert read("a_color.png", data, budget()).train_ids.tolist() == [[5, 13, 255, 255]]


@pytest.mark.parametrize(
    ("name", "pixels", "reason"),
    [
        ("a_labelIds.png", np.full((2, 2), 77, np.uint8), "77"),
        ("a_trainIds.png", np.full((2, 2), 19, np.uint8), "19"),
        ("a_trainIds.png", np.full((2, 2), 3000, np.uint16), "3000"),
        ("a.png", np.full((2, 2), 77, np.uint8), "77"),
        ("a_color.png", np.full((2, 2, 3), 9, np.uint8), r"\(9, 9, 9\)"),
        ("a.png", np.tile(np.array([1, 2, 3], np.uint8), (2, 2, 1)), r"\(3, 2, 1\)"),
        ("a_labelIds.png", np.tile(np.array([1, 2, 3], np.uint8), (2, 2, 1)), "one channel"),
    ],
)
def test_unknown_ids_and_colours_are_rejected_by_value(name, pixels, reason):
    with pytest.raises(AnnotationError, match=reason):
        read(name, cv2.imencode(".png", pixels)[1].tobytes(), budget())


def test_png_with_any_cut_or_changed_byte_is_rejected():
    data = write(some_map())
    for i in range(len(data)):
        for broken in (data[:i], data[:i] + bytes([data[i] ^ 0x41]) + data[i + 1 :]):
            with pytest.raises(AnnotationError, match="PNG"):
                read("a_trainIds.png", broken, budget())


@pytest.mark.parametrize("rows", [0, 1, 6, 8])
def test_png_with_too_few_or_too_many_rows_is_rejected_despite_right_checksums(rows):
    def chunk(kind: bytes, body: bytes) -> bytes:
        checksum = struct.pack(">I", zlib.crc32(kind + body))
        return struct.pack(">I", len(body)) + kind + body + checksum

    pixels = zlib.compress(bytes(12) * rows)
    parts = chunk(b"IHDR", struct.pack(">IIBBBBB", 11, 7, 8, 0, 0, 0, 0))
    data = b"\x89PNG\r\n\x1a\n" + parts + chunk(b"IDAT", pixels) + chunk(b"IEND", b"")
    with pytest.raises(AnnotationError, match="more" if rows > 7 else "less"):
        read("a_trainIds.png", data, budget())


def test_decompression_bomb_is_rejected_by_its_header():
    bomb = pil_png(Image.new("L", (3000, 3000)))
    assert len(bomb) < 20_000
    with pytest.raises(AnnotationError, match="3000x3000"):
        read("a_trainIds.png", bomb, budget(max_pixels=1_000_000))


def test_images_of_an_export_have_a_limit_in_total():
    spent = budget(max_batch_pixels=100)
    read("a_trainIds.png", write(some_map()), spent)
    with pytest.raises(AnnotationError, match="more than 100 pixels in one file"):
        read("a_trainIds.png", write(some_map()), spent)
