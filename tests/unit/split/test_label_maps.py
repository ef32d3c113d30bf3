import cv2
import numpy as np
import pytest

from components.contracts.annotation.known import KnownImages
from components.contracts.process.errors import StreetloopError
from components.split.label_maps import find, read

MAP = np.array([[0, 1, 255], [18, 13, 10]], np.uint8)  # train ids
AS_LABEL_IDS = np.array([[7, 8, 0], [33, 26, 23]], np.uint8)


def write(folder, name, pixels=MAP):
    folder.mkdir(parents=True, exist_ok=True)
    cv2.imwrite(str(folder / name), pixels)
    return folder / name


@pytest.mark.parametrize(
    ("name", "pixels"),
    [
        ("a_0_1.png", MAP),
        ("a_0_1_trainIds.png", MAP),
        ("a_0_1_gtFine_labelTrainIds.png", MAP),
        ("a_0_1_labelIds.png", AS_LABEL_IDS),
        ("a_0_1_gtFine_labelIds.png", AS_LABEL_IDS),
    ],
)
def test_the_file_name_gives_the_image_and_the_encoding(tmp_path, name, pixels):
    write(tmp_path / "city", name, pixels)
    found = find(tmp_path)
    assert list(found) == ["a_0_1"]
    np.testing.assert_array_equal(read(found["a_0_1"]), MAP)


def test_find_prefers_label_ids_among_the_benchmark_s_files(tmp_path):
    for name in ("color", "instanceIds", "labelTrainIds"):
        write(tmp_path, f"a_0_1_gtFine_{name}.png")
    best = write(tmp_path, "a_0_1_gtFine_labelIds.png", AS_LABEL_IDS)
    write(tmp_path, ".b_0_1.png")
    assert find(tmp_path) == {"a_0_1": best}


def test_find_rejects_two_maps_of_one_image(tmp_path):
    write(tmp_path / "eve", "a_0_1.png")
    write(tmp_path / "max", "a_0_1.png")
    with pytest.raises(StreetloopError, match=r"Two label maps for image a_0_1: .*eve.* and .*max"):
        find(tmp_path)


def test_find_rejects_an_empty_folder(tmp_path):
    with pytest.raises(StreetloopError, match="No label maps found"):
        find(tmp_path)


def test_read_rejects_label_ids_named_as_train_ids_and_names_the_file(tmp_path):
    path = write(tmp_path, "a_0_1.png", AS_LABEL_IDS)
    with pytest.raises(StreetloopError, match=r"a_0_1\.png"):
        read(path)
    path.write_bytes(b"nothing")
    with pytest.raises(StreetloopError, match=r"a_0_1\.png"):
        read(path)


def test_names_that_tools_have_changed_resolve_to_known_images(tmp_path):
    images = KnownImages(dict.fromkeys(("my street", "a_0_1"), MAP.shape))
    street = write(tmp_path, "my_street_labelIds.png", AS_LABEL_IDS)
    other = write(tmp_path, "a_0_1_leftImg8bit_labelIds.png", AS_LABEL_IDS)
    assert find(tmp_path, images) == {"a_0_1": other, "my street": street}
    write(tmp_path, "my street_labelIds.png", AS_LABEL_IDS)
    with pytest.raises(StreetloopError, match="Two label maps for image my street"):
        find(tmp_path, images)


def test_images_whose_ids_differ_by_an_ending_have_a_label_map_each(tmp_path):
    images = KnownImages(dict.fromkeys(("photo", "photo.jpg"), MAP.shape))
    paths = {n: write(tmp_path, f"{n}_labelIds.png", AS_LABEL_IDS) for n in ("photo", "photo.jpg")}
    assert find(tmp_path, images) == paths


def test_name_that_fits_two_known_images_is_rejected(tmp_path):
    write(tmp_path, "my_street_1.png")
    images = KnownImages(dict.fromkeys(("my street_1", "my_street 1"), MAP.shape))
    with pytest.raises(StreetloopError, match=r"my_street_1\.png.*my street_1"):
        find(tmp_path, images)
