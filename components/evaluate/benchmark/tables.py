"""The benchmark's tables, by label id: what is scored, what has instances, and categories."""

from __future__ import annotations

import numpy as np

from components.contracts.scores.metrics import CATEGORY_NAMES
from tfds_cityscapes.labels import BY_NAME, IGNORE_LABEL, LABELS, TRAIN_LABELS

NUM_IDS = 1 + max(row.label_id for row in LABELS)
_ROWS = [row for row in LABELS if row.label_id >= 0]

SCORED_IDS = np.array([row.label_id for row in TRAIN_LABELS])
IGNORED_IDS = np.array([row.label_id for row in _ROWS if row.train_id == IGNORE_LABEL])

# Mean pixels per instance, from the benchmark's training set (cityscapesScripts, `avgClassSize`).
AVERAGE_INSTANCE_SIZE = {
    "bicycle": 4672.3249222261,
    "caravan": 36771.8241758242,
    "motorcycle": 6298.7200839748,
    "rider": 3930.4788056518,
    "bus": 35732.1511111111,
    "train": 67583.7075812274,
    "car": 12794.0202738185,
    "person": 3462.4756337644,
    "truck": 27855.1264367816,
    "trailer": 16926.9763313609,
}
INSTANCE_WEIGHTS = np.zeros(NUM_IDS)
for _name, _size in AVERAGE_INSTANCE_SIZE.items():
    INSTANCE_WEIGHTS[BY_NAME[_name].label_id] = _size

# By the thousands of a 16-bit instance id, which may be no label id at all.
MAY_BE_INSTANCE = np.zeros(66, bool)
MAY_BE_INSTANCE[[row.label_id for row in TRAIN_LABELS if row.has_instances]] = True
MAY_BE_INSTANCE[IGNORED_IDS] = True

INSTANCE_CATEGORIES: tuple[str, ...] = tuple(
    name
    for name in CATEGORY_NAMES
    if all(row.has_instances for row in _ROWS if row.category == name)
)
_CATEGORIES = ("void", *CATEGORY_NAMES)
CATEGORY_OF_ID = np.zeros(NUM_IDS, np.int64)  # 0 is void
for _row in _ROWS:
    CATEGORY_OF_ID[_row.label_id] = _CATEGORIES.index(_row.category)


def ids_of_category(name: str) -> np.ndarray:
    """Return the label ids of a category, the ignored ones (caravan, trailer) included."""
    return np.flatnonzero(_CATEGORIES.index(name) == CATEGORY_OF_ID)
