"""Replacing a local file atomically."""

from __future__ import annotations

from pathlib import Path
from typing import BinaryIO

import pytest

from components.contracts.process.files import replace, write_text


def test_write_text_replaces_a_file_and_makes_its_folder(tmp_path: Path) -> None:
    path = tmp_path / "new" / "a.txt"
    write_text(path, "one")
    write_text(path, "zwölf\n")
    assert path.read_text(encoding="utf-8") == "zwölf\n"
    assert list(path.parent.iterdir()) == [path]


def test_replace_keeps_the_old_file_until_the_new_one_is_complete(tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.write_bytes(b"old")

    def fill(file: BinaryIO) -> None:
        file.write(b"ne")
        file.flush()
        assert path.read_bytes() == b"old"
        file.write(b"w")

    replace(path, fill, fsync=True)
    assert path.read_bytes() == b"new"


def test_replace_that_fails_leaves_the_old_file_and_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.write_bytes(b"old")

    def fill(file: BinaryIO) -> None:
        file.write(b"partial")
        raise OSError("No space left on device")

    with pytest.raises(OSError, match="No space"):
        replace(path, fill)
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]
