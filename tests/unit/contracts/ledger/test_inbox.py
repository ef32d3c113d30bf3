import cv2
import numpy as np
import pytest

from components.contracts.ledger.inbox import hand_in
from components.contracts.process.errors import UsageError
from components.contracts.storage.open import open_storage


@pytest.mark.parametrize("named", ["mask", "table"])
def test_a_mask_is_not_handed_in_without_the_table_that_explains_it(tmp_path, named):
    table, mask = tmp_path / "label_colors.txt", tmp_path / "gtFine/train/a_labelIds.png"
    mask.parent.mkdir(parents=True)
    cv2.imwrite(str(mask), np.zeros((2, 2), np.uint8))
    table.write_text("0 0 0 road")
    storage = open_storage(str(tmp_path / "root"))
    with pytest.raises(UsageError, match=r"label_colors\.txt says what the ids.*as one zip"):
        hand_in(storage, [mask if named == "mask" else table])
    assert storage.list("inbox") == []
    table.unlink()
    assert hand_in(storage, [mask]) == ["inbox/a_labelIds.png"]
