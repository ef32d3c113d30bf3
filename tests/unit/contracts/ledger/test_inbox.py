import cv2
import numpy as np
import pytest

from components.contracts.ledger.inbox import arrived, hand_in
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


@pytest.mark.parametrize("blank", ["\u00a0", "\u202f", "\u3000", "\u00ad"])
def test_a_name_with_a_blank_of_any_script_arrives(tmp_path, blank):
    path = tmp_path / f"Screenshot 1.02{blank}PM_trainIds.png"
    cv2.imwrite(str(path), np.zeros((2, 2), np.uint8))
    storage = open_storage(str(tmp_path / "root"))
    (name,) = hand_in(storage, [path], f"ann{blank}b")
    assert name == f"inbox/@ann{blank}b/{path.name}"
    assert arrived(storage.list("inbox")) == [name]


@pytest.mark.parametrize("char", ["\t", "\n", "\x7f", "\x85", "\u2028", "\u2029", "\udce9"])
def test_what_is_not_one_line_is_no_name_of_a_file_or_an_annotator(tmp_path, char):
    path = tmp_path / "a_trainIds.png"
    cv2.imwrite(str(path), np.zeros((2, 2), np.uint8))
    storage = open_storage(str(tmp_path / "root"))
    with pytest.raises(UsageError, match="Not a possible annotator's name"):
        hand_in(storage, [path], f"ann{char}b")
    assert storage.list("inbox") == []
    assert arrived([f"inbox/a{char}b.png", f"inbox/@ann{char}/a.png"]) == []
