"""Cityscapes and data in its layout: label table, TFDS builder, generator of streets."""
