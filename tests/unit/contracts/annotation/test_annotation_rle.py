import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from components.contracts.annotation.label_studio import rle
from components.contracts.annotation.label_studio.rle import (
    decode_mask,
    decode_rle,
    encode_mask,
    encode_rle,
)
from components.contracts.annotation.model import AnnotationError

# Encoded by label-studio-sdk 2.1.2.
GOLDEN = {
    "0000000c391bf800000080040018008002800c003801000480140058": np.arange(12),
    "0000014f391bf800f38058ffc2003c04ac24": np.repeat([7, 0, 255, 1, 9], [1, 8, 9, 17, 300]),
    "00020001391bffffff05ffffe0dc000018": np.repeat([5, 6], [65536, 65537]),
}
BAR = "0000003c391bfe1700b7ff85c000"  # mask2rle of a 3x5 mask with pixels 1 to 3 of row 1
# Blocks of single values, as the editor in the browser writes them, and what the SDK decodes.
LITERALS = {
    "00000008391bf8802040609ff10480": [1, 2, 3, 4, 255, 9, 9, 9],
    "00000028191bfa270123456789abcdef0123456789abcdef01234567": [i % 16 for i in range(40)],
}


def slow_decode(data: bytes) -> list[int]:
    """Decode bit by bit; the fast decoder must agree."""
    bits = "".join(f"{byte:08b}" for byte in data)
    at = 0

    def take(n: int) -> int:
        nonlocal at
        at += n
        return int(bits[at - n : at], 2)

    count, word = take(32), take(5) + 1
    sizes = [take(4) + 1 for _ in range(4)]
    out: list[int] = []
    while len(out) < count:
        run, size = take(1), sizes[take(2)]
        length = take(size) + 1
        out += [take(word)] * length if run else [take(word) for _ in range(length)]
    return out


def stream(count: int, word: int, sizes: list[int], blocks: list[tuple[int, int, list[int]]]):
    """Build a stream of (run or not, which size, values) blocks; a run repeats values[0]."""
    bits = f"{count:032b}{word - 1:05b}" + "".join(f"{size - 1:04b}" for size in sizes)
    for run, which, values in blocks:
        bits += f"{run}{which:02b}{len(values) - 1:0{sizes[which]}b}"
        bits += "".join(f"{value:0{word}b}" for value in (values[:1] if run else values))
    bits += "0" * (-len(bits) % 8)
    return bytes(int(bits[i : i + 8], 2) for i in range(0, len(bits), 8))


@pytest.mark.parametrize("golden", GOLDEN)
def test_rle_encodes_the_same_bytes_as_label_studio_sdk(golden):
    assert encode_rle(GOLDEN[golden]).hex() == golden


@pytest.mark.parametrize("golden", GOLDEN)
def test_rle_decodes_what_label_studio_sdk_encoded(golden):
    values = GOLDEN[golden]
    np.testing.assert_array_equal(decode_rle(bytes.fromhex(golden), len(values)), values)


@pytest.mark.parametrize("golden", LITERALS)
def test_rle_decodes_blocks_of_single_values_as_the_sdk_does(golden):
    values = LITERALS[golden]
    np.testing.assert_array_equal(decode_rle(bytes.fromhex(golden), len(values)), values)


def test_rle_mask_is_the_alpha_channel_of_the_stroke():
    mask = np.zeros((3, 5), bool)
    mask[1, 1:4] = True
    assert encode_mask(mask).hex() == BAR
    np.testing.assert_array_equal(decode_mask(bytes.fromhex(BAR), 3, 5), mask)
    faint = np.zeros((3, 5, 4), np.uint8)
    faint[1, 1:4, 3] = 1  # the antialiased edge of a brush counts
    faint[2, :, :3] = 255  # colour without alpha does not
    np.testing.assert_array_equal(decode_mask(encode_rle(faint), 3, 5), mask)


@given(st.integers(1, 40), st.integers(1, 40), st.integers(0, 2**32), st.floats(0, 1))
@settings(max_examples=60, deadline=None)
def test_rle_decodes_any_mask_that_it_encoded(height, width, seed, density):
    mask = np.random.default_rng(seed).random((height, width)) < density
    np.testing.assert_array_equal(decode_mask(encode_mask(mask), height, width), mask)


@st.composite
def streams(draw):
    word = draw(st.integers(1, 8))
    sizes = draw(st.lists(st.integers(1, 16), min_size=4, max_size=4))
    blocks = []
    for _ in range(draw(st.integers(1, 8))):
        which = draw(st.integers(0, 3))
        length = draw(st.integers(1, min(60, 2 ** sizes[which])))
        values = st.lists(st.integers(0, 2**word - 1), min_size=length, max_size=length)
        blocks.append((draw(st.integers(0, 1)), which, draw(values)))
    return sum(len(values) for _, _, values in blocks), word, sizes, blocks


@given(streams())
@settings(max_examples=150, deadline=None)
def test_rle_decodes_any_valid_stream_as_a_bitwise_decoder_does(parts):
    data = stream(*parts)
    assert decode_rle(data, parts[0]).tolist() == slow_decode(data)


def test_rle_ignores_what_follows_the_last_value():
    data = encode_rle(np.arange(12))
    np.testing.assert_array_equal(decode_rle(data + b"\xff\x00\x37", 12), np.arange(12))
    with_run_over_the_end = stream(3, 8, [3, 4, 8, 16], [(1, 0, [7] * 8)])
    assert decode_rle(with_run_over_the_end, 3).tolist() == [7, 7, 7]


@pytest.mark.parametrize("size", range(28))
def test_rle_rejects_a_stroke_that_is_cut_off(size):
    data = encode_rle(np.arange(12))
    assert len(data) == 28
    if size < 27:  # the last byte is padding
        with pytest.raises(AnnotationError, match="cut off"):
            decode_rle(data[:size], 12)


def test_rle_rejects_a_stroke_of_another_image_size_before_memory_is_allocated():
    huge = b"\xff\xff\xff\xff" + encode_rle(np.zeros(4))[4:]
    with pytest.raises(AnnotationError, match="different sizes"):
        decode_rle(huge, 48)


def test_rle_rejects_values_of_more_than_8_bits():
    data = stream(2, 16, [3, 4, 8, 16], [(0, 0, [300, 2])])
    with pytest.raises(AnnotationError, match="16 bits"):
        decode_rle(data, 2)


def test_rle_rejects_a_stroke_far_longer_than_its_values_before_memory_is_allocated(monkeypatch):
    noise = np.random.default_rng(0).integers(0, 256, 400).astype(np.uint8)
    np.testing.assert_array_equal(decode_rle(encode_rle(noise), 400), noise)  # 14 bits per value

    def unreachable(*_):
        raise AssertionError

    monkeypatch.setattr(rle, "_block_starts", unreachable)
    with pytest.raises(AnnotationError, match="at most 88 bytes"):
        decode_rle(encode_rle(np.arange(12)) + bytes(61), 12)
