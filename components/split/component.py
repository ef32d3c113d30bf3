"""Split, for KFP."""

from kfp import dsl

from components.contracts.process.image import IMAGE


@dsl.component(base_image=IMAGE, install_kfp_package=False)
def split(recipe: str, root: str, cycle: int, fence: int, records: str) -> str:
    """Join records with the ledger's labels; return the folder of both parts in `root`."""
    from components.split.step import run

    return run(recipe, root, cycle, fence, records).prefix
