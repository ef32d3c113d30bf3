"""Keep local copies of what is in a bucket, for libraries that read local paths only."""

from __future__ import annotations

import atexit
import hashlib
import json
import os
import shutil
from collections.abc import Callable, Iterable
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Any, TypeAlias

from components.contracts.process import scratch
from components.contracts.process.files import write_text
from components.contracts.process.uri import user_path
from components.contracts.storage.lock import one_at_a_time

# Name -> (version, size in bytes); the version is what the store calls a generation or an ETag.
Listing: TypeAlias = dict[str, tuple[int | str, int]]


@cache
def cache_folder(pid: int) -> Path:
    """Return $STREETLOOP_CACHE, or a folder that is deleted when this process ends."""
    if given := os.environ.get("STREETLOOP_CACHE"):
        return user_path(given).absolute()
    folder, _ = scratch.make()  # kept until the process ends

    def remove() -> None:
        if os.getpid() == pid:
            shutil.rmtree(folder, ignore_errors=True)

    atexit.register(remove)
    return folder


def refresh(
    uri: str,
    prefix: str,
    listing: Listing,
    fetch: Callable[[Iterable[tuple[str, Path]]], Any],
) -> Path:
    """Bring the local copy of a prefix up to date and return its folder.

    Args:
        uri: the campaign root.
        prefix: the folder of names; "" is the root.
        listing: what the bucket holds below `prefix`.
        fetch: downloads each (name, local path), atomically.
    """
    base = cache_folder(os.getpid()) / hashlib.sha256(uri.encode()).hexdigest()[:16]
    files = base / "files"
    folder = files / prefix
    folder.mkdir(parents=True, exist_ok=True)
    index = base / f"{hashlib.sha256(prefix.encode()).hexdigest()[:16]}.json"
    with one_at_a_time(base / "lock"):  # other processes may share the cache
        known = _read(index)
        fetch(
            [
                (name, files / name)
                for name, (version, size) in listing.items()
                if known.get(name) != [version, size] or _size(files / name) != size
            ]
        )
        for name, version in listing.items():
            # What reads the copies knows a file that has changed by its time: that of the download
            # would make every copy of the same object another file.
            time = _time_of(version)
            os.utime(files / name, ns=(time, time))
        for path in [path for path in folder.rglob("*") if path.is_file()]:
            if path.relative_to(files).as_posix() not in listing:
                path.unlink()
        write_text(index, json.dumps(listing))
    return folder


def _time_of(version: tuple[int | str, int]) -> int:
    """Return nanoseconds since 1970, before 2002: the same for the same version of an object."""
    digest = hashlib.sha256(json.dumps(version).encode()).digest()
    return int.from_bytes(digest[:8]) % 10**18


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return -1


def _read(index: Path) -> dict[str, Any]:
    with suppress(OSError, ValueError):
        return dict(json.loads(index.read_text()))
    return {}
