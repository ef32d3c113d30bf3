"""The light steps in one task, for KFP."""

from typing import NamedTuple

from kfp import dsl

from components.contracts.process.image import IMAGE


@dsl.component(base_image=IMAGE, install_kfp_package=False)
def prepare(recipe: str, root: str, owner: str, take_over: bool) -> NamedTuple(  # type: ignore[valid-type]
    "Prepared",
    [("Output", int), ("cycle", int), ("fence", int), ("records", str), ("parts", str)],
):
    """Open the next cycle, ingest the labels that arrived, and make the data of the training.

    The plan is named Output because kfp.local finds no other name in an `If`.
    """
    from collections import namedtuple

    from pipelines.light.run import run

    Prepared = namedtuple("Prepared", "Output cycle fence records parts")
    return Prepared._make(run(recipe, root, owner, take_over))
