"""Read a mask from a PNG, whoever made it: one decoder, and one decision about what its ids mean.

Labels of people, the masks of a data set, and the files to score are all read here, so that one file
is the same classes everywhere.
"""

from tfds_cityscapes.masks.decide import BEST_FIRST, encoding_of_name, numbers_objects
from tfds_cityscapes.masks.meaning import Encoding, check_label_ids
from tfds_cityscapes.masks.png import MAX_PIXELS, MaskError
from tfds_cityscapes.masks.read import read_label_ids
from tfds_cityscapes.masks.tables import ClassTable, parse_table, table_beside

__all__ = [
    "BEST_FIRST",
    "MAX_PIXELS",
    "ClassTable",
    "Encoding",
    "MaskError",
    "check_label_ids",
    "encoding_of_name",
    "numbers_objects",
    "parse_table",
    "read_label_ids",
    "table_beside",
]
