"""What happens to files on their way, and a few settings for tests that draw thousands of them."""

from __future__ import annotations

from collections.abc import Callable

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st


def examples(count: int) -> settings:
    return settings(
        max_examples=count,
        deadline=None,
        suppress_health_check=[
            HealthCheck.too_slow,
            HealthCheck.data_too_large,
            HealthCheck.function_scoped_fixture,
        ],
    )


@st.composite
def damaged_bytes(draw: Callable, content: bytes) -> bytes:
    """Draw a file that is cut off, or has bytes changed, left out, inserted or repeated."""
    data = bytearray(content)
    for _ in range(draw(st.integers(1, 4))):
        at = draw(st.integers(0, max(0, len(data) - 1)))
        kind = draw(st.sampled_from(["cut", "change", "leave out", "put in", "repeat"]))
        if kind == "cut":
            del data[at:]
        elif kind == "change" and data:
            data[at] ^= draw(st.integers(1, 255))
        elif kind == "leave out":
            del data[at : at + draw(st.integers(1, 40))]
        elif kind == "put in":
            data[at:at] = draw(st.binary(min_size=1, max_size=20))
        else:
            data[at:at] = data[at : at + 30]
    return bytes(data)
