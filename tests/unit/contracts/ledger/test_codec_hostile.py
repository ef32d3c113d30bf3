"""Events that nobody wrote: each is rejected, or is an event from which a state follows."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

from hypothesis import event, given
from hypothesis import strategies as st

from components.contracts.ledger.codec import decode
from components.contracts.ledger.events import LedgerError
from tests.support.damage import damaged_bytes, examples
from tests.support.hostile_exports import distorted_json

FOLDER = Path(__file__).parents[3] / "fixtures" / "campaigns" / "v0.1" / "ledger"
SOUND = {int(path.stem): path.read_bytes() for path in sorted(FOLDER.glob("*.json"))}
NUMBERS = st.sampled_from(sorted(SOUND))


def signed(content: dict[str, Any]) -> bytes:
    """Return the bytes of an event with the checksum that belongs to it."""
    body = json.dumps({k: v for k, v in content.items() if k != "sha256"}, separators=(",", ":"))
    digest = hashlib.sha256(body.encode()).hexdigest()
    return f'{body[:-1]},"sha256":"{digest}"}}\n'.encode()


def is_read(data: bytes, number: int) -> bool:
    try:
        found = decode(data, number)
    except LedgerError:
        event("rejected")
        return False
    assert found.number == number
    event("read")
    return True


@given(NUMBERS, st.data())
@examples(300)
def test_a_damaged_event_is_rejected(number: int, data: st.DataObject) -> None:
    content = data.draw(damaged_bytes(SOUND[number]))
    assert is_read(content, number) == (content == SOUND[number])


@given(NUMBERS, st.data())
@examples(300)
def test_a_distorted_event_with_its_own_checksum_is_read_or_rejected(
    number: int, data: st.DataObject
) -> None:
    content = json.loads(SOUND[number])
    assert is_read(signed(content), number)
    is_read(signed(data.draw(distorted_json(content))), number)


@given(st.binary(max_size=200))
@examples(100)
def test_bytes_by_chance_are_no_event(data: bytes) -> None:
    assert not is_read(data, 0)
