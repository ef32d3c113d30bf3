"""Feedback, for KFP."""

from typing import NamedTuple

from kfp import dsl

from components.contracts.image import IMAGE


@dsl.component(base_image=IMAGE, install_kfp_package=False)
def feedback(
    recipe: str, root: str, cycle: int, fence: int, records: str
) -> NamedTuple("Ingested", [("train", bool), ("query", bool)]):  # type: ignore[valid-type]
    """Takes in the labels that arrived; says whether to train, or only to ask for labels."""
    from collections import namedtuple

    from components.feedback.step import run

    outputs = run(recipe, root, cycle, fence, records)
    return namedtuple("Ingested", "train query")(outputs["train"], outputs["query"])  # noqa: PYI024
