"""Preprocess, for KFP."""

from kfp import dsl

from components.contracts.process.image import IMAGE


@dsl.component(base_image=IMAGE, install_kfp_package=False)
def preprocess(recipe: str, root: str, cycle: int, fence: int) -> str:
    """Turn the raw data set into TFRecord; return the records' folder in `root`."""
    from components.preprocess.step import run

    return run(recipe, root, cycle, fence)
