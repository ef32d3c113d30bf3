"""Feedback, for KFP."""

from kfp import dsl

from components.contracts.process.image import IMAGE


@dsl.component(base_image=IMAGE, install_kfp_package=False)
def feedback(recipe: str, root: str, cycle: int, fence: int, records: str) -> int:
    """Ingest the labels that arrived. Return 0: nothing to do, 1: train, 2: only ask."""
    from components.feedback.step import run

    return run(recipe, root, cycle, fence, records).plan.value
