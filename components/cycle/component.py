"""The first and the last task of the pipeline, for KFP."""

from typing import NamedTuple

from kfp import dsl

from components.contracts.process.image import IMAGE


@dsl.component(base_image=IMAGE, install_kfp_package=False)
def open_cycle(recipe: str, root: str, owner: str, take_over: bool) -> NamedTuple(  # type: ignore[valid-type]
    "Opened", [("Output", int), ("fence", int)]
):
    """Open the next cycle of the campaign at `root`, or resume the open one.

    The cycle is named Output because kfp.local finds no other name in an `If`; 0: none is opened.
    """
    from collections import namedtuple

    from components.cycle.open import run

    Opened = namedtuple("Opened", "Output fence")
    return Opened._make(run(recipe, root, owner, take_over))


@dsl.component(base_image=IMAGE, install_kfp_package=False)
def close_cycle(
    recipe: str,
    root: str,
    owner: str,
    labels: dsl.Output[dsl.HTML],
    status: dsl.PipelineTaskFinalStatus,
):
    """Close the owner's cycle, and show which labels it accepted and which it rejected.

    If a step failed, give the cycle's lease back instead.
    """
    from components.cycle.close import run

    page = run(recipe, root, owner, status.error_message or "")
    with open(labels.path, "w") as file:
        file.write(page)
