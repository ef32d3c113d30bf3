"""Query, for KFP."""

from kfp import dsl

from components.contracts.process.image import IMAGE


@dsl.component(base_image=IMAGE, install_kfp_package=False)
def query(recipe: str, root: str, cycle: int, fence: int, records: str) -> int:
    """Ask for the labels that are worth most; return for how many images."""
    from components.query.step import run

    return run(recipe, root, cycle, fence, records).asked
