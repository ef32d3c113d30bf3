"""Train, for KFP."""

from kfp import dsl

from components.contracts.process.image import IMAGE


@dsl.component(base_image=IMAGE, install_kfp_package=False)
def train(recipe: str, root: str, cycle: int, fence: int, records: str, parts: str) -> str:
    """Fit the U-Net GAN on labeled and unlabeled images; return the model's id."""
    from components.train.step import run

    return run(recipe, root, cycle, fence, records, parts).model
