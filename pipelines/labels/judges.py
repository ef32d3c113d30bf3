"""Which model judges which label: one that was not trained on it, if there is one."""

from __future__ import annotations

from typing import NamedTuple

from components.contracts.ledger.state import LabelVersion, State, parts_of


class Case(NamedTuple):
    """One label to judge.

    Attributes:
      image_id: of its image.
      parts: of the label that counts, of `State.label_parts`.
      annotator: who made it, or its newest part.
      model: the id of the model that judges.
      cycle: the cycle that trained that model.
      in_sample: whether the model may have been trained on a label of this image: what a model has
        learned by heart, it does not doubt, so errors are missed.
    """

    image_id: str
    parts: tuple[LabelVersion, ...]
    annotator: str
    model: str
    cycle: int
    in_sample: bool


def cases_of(state: State) -> list[Case]:
    """Return every label of a campaign with its judge, sorted by model and image.

    A label is judged by the newest champion that was trained before the first label of its image
    arrived. A label that every champion has seen is judged by the champion.
    """
    versions = {c.model: state.cycles[c.cycle].summary.version for c in state.champions}
    models = [
        (seen, champion)
        for champion in {c.model: c for c in state.champions}.values()
        if (seen := versions[champion.model]) is not None
    ]
    models.sort(key=lambda pair: pair[0])
    champion = state.champion
    cases: list[Case] = []
    for image_id, history in state.labels.items():
        first = min(version.number for version in history)
        unseen = [model for seen, model in models if seen < first]
        judge = unseen[-1] if unseen else champion
        if judge is None:
            continue
        parts = parts_of(history)
        by = parts[-1].annotator
        cases.append(Case(image_id, parts, by, judge.model, judge.cycle, not unseen))
    return sorted(cases, key=lambda case: (case.model, case.image_id))
