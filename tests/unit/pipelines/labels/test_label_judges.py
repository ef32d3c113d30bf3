"""Which model judges which label."""

from __future__ import annotations

from components.contracts.ledger.state import (
    Champion,
    CycleState,
    CycleSummary,
    LabelVersion,
    State,
)
from pipelines.labels.judges import cases_of


def cycle(number: int, version: int | None) -> CycleState:
    return CycleState(
        cycle=number,
        owner="run",
        fence=number,
        expires_at="",
        opened_at="",
        opened_number=0,
        outcome="done",
        summary=CycleSummary(version=version),
    )


def labels(**numbers: list[int]) -> dict[str, tuple[LabelVersion, ...]]:
    return {
        image_id: tuple(LabelVersion(image_id, f"{image_id}{n}", "ann", None, n) for n in given)
        for image_id, given in numbers.items()
    }


def test_a_label_is_judged_by_the_newest_champion_that_has_not_seen_it() -> None:
    state = State(
        labels=labels(seed=[3], second=[12], third=[22], late=[40]),
        cycles={1: cycle(1, 5), 2: cycle(2, 15), 3: cycle(3, 25)},
        champions=[Champion("a", 1, {}, 6), Champion("b", 2, {}, 16), Champion("c", 3, {}, 26)],
    )
    found = {c.image_id: (c.model, c.cycle, c.in_sample) for c in cases_of(state)}
    assert found == {
        "seed": ("c", 3, True),
        "second": ("a", 1, False),
        "third": ("b", 2, False),
        "late": ("c", 3, False),
    }


def test_a_corrected_label_was_seen_if_its_first_version_was() -> None:
    state = State(
        labels=labels(image=[3, 30]),
        cycles={1: cycle(1, 5)},
        champions=[Champion("a", 1, {}, 6)],
    )
    (case,) = cases_of(state)
    assert (case.parts[-1].sha256, case.in_sample) == ("image30", True)


def test_after_a_rollback_a_later_model_still_judges_what_it_has_not_seen() -> None:
    state = State(
        labels=labels(seed=[3], late=[40]),
        cycles={1: cycle(1, 5), 2: cycle(2, 15)},
        champions=[Champion("a", 1, {}, 6), Champion("b", 2, {}, 16), Champion("a", 1, {}, 20)],
    )
    found = {c.image_id: (c.model, c.in_sample) for c in cases_of(state)}
    assert found == {"seed": ("a", True), "late": ("b", False)}


def test_without_a_champion_nothing_can_be_judged() -> None:
    assert cases_of(State(labels=labels(image=[3]))) == []
