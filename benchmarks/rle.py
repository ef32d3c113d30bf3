"""Compare the speed of our decoder of Label Studio's brush RLE with that of label-studio-sdk.

`make bench` runs this in the environment of Label Studio, because label-studio-sdk pins other versions
than ours. Without label-studio-sdk, it measures only our own decoder.
"""

from __future__ import annotations

import time
from collections.abc import Callable

import numpy as np

from benchmarks.figures import Figure, report, speedups
from components.contracts.annotation.label_studio.rle import decode_rle, encode_mask


def noisy_mask(height: int, width: int, seed: int) -> np.ndarray:
    """Return the worst case of a brush, each pixel drawn or not at random: bool [height, width]."""
    return np.random.default_rng(seed).random((height, width)) < 0.5


def cpu_seconds(call: Callable[[], object]) -> float:
    """Return the processor time of one call, on which other work has less influence than on a clock."""
    start = time.process_time()
    call()
    return time.process_time() - start


def main() -> None:
    mask = noisy_mask(512, 1024, seed=0)
    data = encode_mask(mask)
    numbers = list(data)
    ours = [cpu_seconds(lambda: decode_rle(data, mask.size * 4)) for _ in range(6)][1:]
    print(f"noisy 512x1024 mask, {len(data):,} bytes: ours {min(ours) * 1e3:.1f} ms at best")
    try:
        from label_studio_sdk.converter.brush import decode_rle as theirs
    except ImportError:
        print("label-studio-sdk is not installed here: no ratio")
        return
    sdk = [cpu_seconds(lambda: theirs(numbers)) for _ in range(6)][1:]
    if not np.array_equal(theirs(numbers), decode_rle(data, mask.size * 4)):
        raise SystemExit("The masks differ.")
    values = speedups(sdk, ours)
    report(Figure("decoding a noisy brush mask of 512x1024", "label-studio-sdk", values, 20))


if __name__ == "__main__":
    main()
