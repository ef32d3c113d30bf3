"""How many times faster our decoder of Label Studio's brush RLE is than label-studio-sdk's.

    pip install --no-deps --target FOLDER label-studio-sdk   # its pins fight ours: apart
    PYTHONPATH=FOLDER python -m benchmarks.rle

Without label-studio-sdk it times our own decoder only.
"""

from __future__ import annotations

import time
from collections.abc import Callable

import numpy as np

from components.contracts.annotation.rle import decode_rle, encode_mask


def noisy_mask(height: int, width: int, seed: int) -> np.ndarray:
    """The worst case of a brush: every pixel drawn or not by chance; bool [height, width]."""
    return np.random.default_rng(seed).random((height, width)) < 0.5


def best_of(call: Callable[[], object], tries: int) -> float:
    """The shortest of some tries, in seconds: the least disturbed by other work."""
    times = []
    for _ in range(tries):
        start = time.perf_counter()
        call()
        times.append(time.perf_counter() - start)
    return min(times)


def main() -> None:
    mask = noisy_mask(512, 1024, seed=0)
    data = encode_mask(mask)
    ours = best_of(lambda: decode_rle(data, mask.size * 4), tries=10)
    print(f"noisy 512x1024 mask, {len(data):,} bytes: ours {ours * 1e3:.1f} ms")
    try:
        from label_studio_sdk.converter.brush import decode_rle as theirs
    except ImportError:
        print("label-studio-sdk is not installed here: no ratio")
        return
    numbers = list(data)
    same = np.array_equal(theirs(numbers), decode_rle(data, mask.size * 4))
    sdk = best_of(lambda: theirs(numbers), tries=3)
    print(f"label-studio-sdk {sdk * 1e3:.1f} ms: {sdk / ours:.1f}x, same result: {same}")


if __name__ == "__main__":
    main()
