"""The walker: what it finds in folders and zips, how it spells names, and what it reports."""

import os
import unicodedata
import zipfile

import pytest

from tfds_cityscapes.files import Skipped, summarize, walk_folder, walk_zip

JUNK = [
    "._a.png",
    ".DS_Store",
    "Thumbs.db",
    "thumbs.DB",
    "desktop.ini",
    ".ipynb_checkpoints/a-checkpoint.png",
    "__MACOSX/._a.png",
    "__MACOSX/a.png",
    "sub/.hidden/a.png",
    "@eaDir/a.png",
]


def put(root, *names):
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(name.encode())
    return root


def names(walk):
    return [file.name for file in walk.files]


def pack(path, *members, flag=True):
    with zipfile.ZipFile(path, "w") as archive:
        for name in members:
            archive.writestr(name, name)
    return path


def test_folder_and_zip_hold_the_same_files_without_junk(tmp_path):
    wanted = ["a.png", "sub/b.JPG", "sub/deep/c d.png"]
    folder = put(tmp_path / ".cache" / "data", *wanted, *JUNK)
    archive = pack(tmp_path / "data.zip", *wanted, *JUNK, "sub/")
    for walk in (walk_folder(folder), walk_zip(archive)):
        assert names(walk) == wanted
        assert walk.skipped == []
        assert [file.read().decode() for file in walk.files] == wanted


def test_names_are_composed_and_have_forward_slashes(tmp_path):
    composed = "Köln/é.png"
    folder = put(tmp_path / "data", unicodedata.normalize("NFD", composed))
    assert names(walk_folder(folder)) == [composed]
    archive = pack(tmp_path / "mac.zip", unicodedata.normalize("NFD", composed), "./up/b.png")
    assert names(walk_zip(archive)) == [composed, "up/b.png"]
    windows = pack(tmp_path / "windows.zip", "leftImg8bit\\val\\a.png")
    assert names(walk_zip(windows)) == ["leftImg8bit/val/a.png"]


def test_utf8_names_without_their_flag_are_read_as_utf8(tmp_path):
    path = pack(tmp_path / "old.zip", "Köln.png")
    data = path.read_bytes()
    for signature, offset in ((b"PK\3\4", 6), (b"PK\1\2", 8)):
        at = data.index(signature) + offset
        flags = int.from_bytes(data[at : at + 2], "little") & ~0x800
        data = data[:at] + flags.to_bytes(2, "little") + data[at + 2 :]
    path.write_bytes(data)
    assert names(walk_zip(path)) == ["Köln.png"]


def test_links_are_followed_but_not_in_circles(tmp_path):
    far = put(tmp_path / "far", "b.png")
    folder = put(tmp_path / "data", "a.png", "sub/c.png")
    (folder / "linked").symlink_to(far)
    (folder / "sub" / "loop").symlink_to(folder)
    (folder / "self.png").symlink_to(folder / "self.png")
    (folder / "gone.png").symlink_to(tmp_path / "gone")
    (folder / "file.png").symlink_to(far / "b.png")
    walk = walk_folder(folder)
    assert names(walk) == ["a.png", "file.png", "linked/b.png", "sub/c.png"]
    assert dict(walk.skipped) == {
        "gone.png": "the link leads nowhere",
        "self.png": "the link leads nowhere",
        "sub/loop": "it is a link to a folder that contains it",
    }


def test_what_cannot_be_read_is_listed(tmp_path):
    folder = put(tmp_path / "data", "a.png")
    os.mkfifo(folder / "pipe.png")
    with open(os.path.join(os.fsencode(folder), b"caf\xe9.png"), "wb"):
        pass
    walk = walk_folder(folder)
    assert names(walk) == ["a.png"]
    assert {name: why.partition(";")[0] for name, why in walk.skipped} == {
        "caf\ufffd.png": "its name is not UTF-8",
        "pipe.png": "it is not a regular file",
    }


ODD = ["Screenshot 1.02\u202fPM.png", "a\u00a0b.png", "soft\u00adhyphen.png", "東京\u3000駅.png"]
IMPOSSIBLE = ["folder\twith tab/b.png", "new\nline.png", "next\x85.png", "line\u2028.png"]


def test_names_that_are_not_one_line_are_listed_and_blanks_of_any_script_are_read(tmp_path):
    folder = put(tmp_path / "data", *ODD, *IMPOSSIBLE)
    archive = pack(tmp_path / "data.zip", *ODD, *IMPOSSIBLE)
    reason = "its name holds a tab, a line break or another control character; rename it"
    for walk, of_folder in ((walk_folder(folder), ""), (walk_zip(archive), "/b.png")):
        assert names(walk) == sorted(ODD)
        assert dict(walk.skipped) == {
            f"folder\ufffdwith tab{of_folder}": reason,
            "new\ufffdline.png": reason,
            "next\ufffd.png": reason,
            "line\ufffd.png": reason,
        }


@pytest.mark.skipif(os.geteuid() == 0, reason="root may list every folder")
def test_a_folder_without_permission_is_listed(tmp_path):
    folder = put(tmp_path / "data", "closed/a.png")
    (folder / "closed").chmod(0)
    try:
        assert [name for name, _ in walk_folder(folder).skipped] == ["closed"]
    finally:
        (folder / "closed").chmod(0o755)


def test_links_and_encrypted_members_of_a_zip_are_listed(tmp_path):
    path = tmp_path / "data.zip"
    with zipfile.ZipFile(path, "w") as archive:
        link = zipfile.ZipInfo("link.png")
        link.external_attr = 0o120777 << 16
        archive.writestr(link, "elsewhere")
        locked = zipfile.ZipInfo("locked.png")
        archive.writestr(locked, "x")
        locked.flag_bits |= 1
    walk = walk_zip(path)
    assert names(walk) == []
    assert [why.partition(";")[0] for _, why in walk.skipped] == ["it is a link", "it is encrypted"]


def test_summarize_counts_and_names_an_example():
    skipped = [Skipped("b.heic", "no"), Skipped("a.heic", "no"), Skipped("c.png", "bad")]
    assert summarize(skipped) == [
        "2 files were not read, such as a.heic: no.",
        "c.png was not read: bad.",
    ]
