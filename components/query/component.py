"""Query, for KFP."""

from kfp import dsl

from components.contracts.process.image import IMAGE


@dsl.component(base_image=IMAGE, install_kfp_package=False)
def look(recipe: str, root: str, cycle: int, fence: int, records: str, shard: int) -> int:
    """Look at one part of the images that the query ranks; return at how many."""
    from components.query.shard import run

    return run(recipe, root, cycle, fence, records, shard)


@dsl.component(base_image=IMAGE, install_kfp_package=False)
def query(
    recipe: str, root: str, cycle: int, fence: int, records: str, why: dsl.Output[dsl.HTML]
) -> int:
    """Ask for the labels that are worth most, and show why; return for how many images."""
    from components.query.artifacts import fill
    from components.query.step import run

    result = run(recipe, root, cycle, fence, records)
    fill(root, result, why)
    return result.asked
