"""The amount of labels that a command on experiments is given."""

from __future__ import annotations

import pytest

from components.contracts.process.errors import UsageError
from pipelines.experiment.options import labels_of


@pytest.mark.parametrize(("text", "amount"), [("8", 8), ("1/8", "1/8"), ("all", "all")])
def test_an_amount_of_labels_is_a_number_a_share_or_all(text: str, amount: int | str) -> None:
    assert labels_of(text) == amount


@pytest.mark.parametrize("text", ["0", "00"])
def test_no_labels_are_rejected_with_the_reason(text: str) -> None:
    with pytest.raises(UsageError, match="No labels to train on"):
        labels_of(text)
