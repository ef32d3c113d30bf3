"""Generate street scenes from a seed, in the Cityscapes layout, for tests, demos and trials."""

from tfds_cityscapes.synthetic.layout import SMALLEST, SyntheticError, generate

__all__ = ["SMALLEST", "SyntheticError", "generate"]
