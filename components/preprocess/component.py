"""Preprocess, for KFP."""

from kfp import dsl

from components.contracts.process.image import IMAGE


@dsl.component(base_image=IMAGE, install_kfp_package=False)
def preprocess(recipe: str, root: str, cycle: int, fence: int) -> str:
    """Turns the raw data set into TFRecord; returns the records' prefix in `root`."""
    from components.preprocess.step import run

    return run(recipe, root, cycle, fence)
