"""Cityscapes and data in its layout: the label table, the TFDS builder, a street generator."""
