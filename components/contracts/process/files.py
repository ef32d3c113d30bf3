"""Replace a local file atomically: a reader sees the old content or the new, never a part."""

from __future__ import annotations

import os
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO


def replace(path: Path, fill: Callable[[BinaryIO], object], *, fsync: bool = False) -> None:
    """Write a file completely or not at all, and make the folders above it.

    Several processes may do so at the same time: the last one wins. A process that is killed leaves
    a hidden `.part` file beside `path`.

    Args:
      path: the file to write or replace.
      fill: writes the content into the open file that it is given.
      fsync: whether the content must survive a power cut; the name may still be lost.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f".{uuid.uuid4().hex}.part")
    try:
        with open(part, "xb") as file:
            fill(file)
            if fsync:
                file.flush()
                os.fsync(file.fileno())
        os.replace(part, path)
    finally:
        part.unlink(missing_ok=True)


def write_text(path: Path, text: str) -> None:
    """Write or replace a text file (UTF-8) atomically."""
    replace(path, lambda file: file.write(text.encode()))
