"""Query, for KFP."""

from kfp import dsl

from components.contracts.process.image import IMAGE


@dsl.component(base_image=IMAGE, install_kfp_package=False)
def query(recipe: str, root: str, cycle: int, fence: int, records: str) -> int:
    """Asks for the labels that are worth most; returns for how many."""
    from components.query.step import run

    return run(recipe, root, cycle, fence, records)["asked"]
