"""Local copies of what is in a bucket, for libraries that read local paths only."""

from __future__ import annotations

import atexit
import fcntl
import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Callable, Iterable
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Any

from components.contracts.process.files import write_text

Listing = dict[str, tuple[int, int]]


@cache
def cache_folder(pid: int) -> Path:
    """$STREETLOOP_CACHE (kept), or a folder of this process that goes with it."""
    if given := os.environ.get("STREETLOOP_CACHE"):
        return Path(given).expanduser().absolute()
    folder = Path(tempfile.mkdtemp(prefix="streetloop-"))

    def remove() -> None:
        if os.getpid() == pid:
            shutil.rmtree(folder, ignore_errors=True)

    atexit.register(remove)
    return folder


def refresh(
    uri: str,
    prefix: str,
    listed: Listing,
    fetch: Callable[[Iterable[tuple[str, Path]]], Any],
) -> Path:
    """Bring the local copy of a prefix up to date and return its folder.

    Args:
        uri: the campaign root.
        prefix: the folder of names; "" is the root.
        listed: name -> (generation, size in bytes) of what the bucket holds below `prefix`.
        fetch: downloads each (name, local path), atomically.
    """
    base = cache_folder(os.getpid()) / hashlib.sha256(uri.encode()).hexdigest()[:16]
    files = base / "files"
    folder = files / prefix
    folder.mkdir(parents=True, exist_ok=True)
    known_path = base / f"{hashlib.sha256(prefix.encode()).hexdigest()[:16]}.json"
    with open(base / "lock", "a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # other processes may share the cache
        known = _read(known_path)
        fetch(
            [
                (name, files / name)
                for name, (generation, size) in listed.items()
                if known.get(name) != [generation, size] or _size(files / name) != size
            ]
        )
        for path in [path for path in folder.rglob("*") if path.is_file()]:
            if path.relative_to(files).as_posix() not in listed:
                path.unlink()
        write_text(known_path, json.dumps(listed))
    return folder


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return -1


def _read(path: Path) -> dict[str, Any]:
    with suppress(OSError, ValueError):
        return json.loads(path.read_text())
    return {}
