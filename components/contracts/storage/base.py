"""Where a campaign lives: one small interface over a folder and over a bucket.

Names are relative POSIX paths (`labels/aachen_1/ab12.png`). A *prefix* is a folder of names:
`work/1` and `work/1/` mean the same and never match `work/10/x`.
"""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import NamedTuple, TypeAlias

from components.contracts.process.errors import StreetloopError

Names: TypeAlias = list[str]
Contents: TypeAlias = list[bytes]

# What is ours alone inside a folder root: temporary files and the lock. No name may start here.
PRIVATE = ".streetloop"

# Called as observer(phase, operation, name) with phase "before" or "after" around every durable
# change, so that a test can kill the process exactly there. No "after" when the change failed.
observer: Callable[[str, str, str], None] | None = None


class StorageError(StreetloopError):
    """The folder or the bucket could not do what was asked: full, refused, out of reach."""


@contextmanager
def observed(operation: str, name: str) -> Iterator[None]:
    """Tell the observer, if there is one, before and after a durable change."""
    if observer is not None:
        observer("before", operation, name)
    yield
    if observer is not None:
        observer("after", operation, name)


def check_name(name: str) -> str:
    """Return `name` if it is a relative POSIX path that stays inside the root.

    Raises:
        StorageError: the name is empty, absolute, has `.`, `..`, an empty part, a NUL or a line
            break, or starts with the private folder.
    """
    parts = name.split("/")
    if (
        any(part in ("", ".", "..") for part in parts)
        or parts[0] == PRIVATE
        or re.search(r"[\x00\r\n]", name)
    ):
        raise StorageError(
            f"Expected a relative name such as 'labels/image/1.png' without '..', got {name!r}."
        )
    return name


def check_prefix(prefix: str, *, allow_root: bool = True) -> str:
    """Return `prefix` without its trailing slash; the empty prefix is the whole root.

    Raises:
        StorageError: as `check_name`, or the root was given and `allow_root` is false.
    """
    bare = prefix.removesuffix("/")
    if bare == "" and prefix == "" and allow_root:
        return ""
    return check_name(bare)


SETTLED_S = 10.0  # a copy that did not grow for so long is over


class Stamp(NamedTuple):
    """What a file was at one moment.

    Attributes:
        size: in bytes.
        arrived: when its content or its name came.
        whole: false while somebody may still be writing it: within SETTLED_S of the last change.
        version: another one once it was replaced or written to; only the storage knows what it means.
    """

    size: int
    arrived: datetime
    whole: bool
    version: tuple[int, ...]


class Storage(ABC):
    """A campaign root. Every change is durable when its call returns.

    Attributes:
        uri: the root, as `open_storage` takes it back.
    """

    uri: str

    @abstractmethod
    def check_usable(self) -> None:
        """Try what the ledger needs (write, create only if absent, delete).

        Raises:
            StorageError: the root cannot keep a ledger; the message says why and what to do.
        """

    @abstractmethod
    def read(self, name: str) -> bytes:
        """The content of `name`. Raises FileNotFoundError."""

    def read_many(self, names: Iterable[str]) -> Contents:
        """The contents of `names`, in their order. Raises FileNotFoundError if one is missing."""
        return [self.read(name) for name in names]

    @abstractmethod
    def exists(self, name: str) -> bool:
        """Whether a file of this name is there (a prefix is not a file)."""

    @abstractmethod
    def list(self, prefix: str = "") -> Names:
        """All names below `prefix`, relative to the root, sorted; no temporary files."""

    @abstractmethod
    def create(self, name: str, data: bytes) -> None:
        """Write `name` only if it is absent; of several writers exactly one succeeds.

        Raises:
            FileExistsError: it is there; after lost answers it may be our own write: compare.
        """

    @abstractmethod
    def write(self, name: str, data: bytes) -> None:
        """Write or replace `name`; a reader sees the old content or the new, never a part."""

    @abstractmethod
    def stamp(self, name: str) -> Stamp:
        """What `name` is now, its content not read. Raises FileNotFoundError."""

    @abstractmethod
    def delete(self, name: str, only: Stamp | None = None) -> None:
        """Delete `name`; missing is fine. With `only`, a file that changed since is left alone."""

    @abstractmethod
    def move(self, name: str, to: str, only: Stamp) -> None:
        """Give `name` another name without reading it, replacing what has that name.

        Missing is fine; a file that changed since `only` is left alone.
        """

    @abstractmethod
    def delete_prefix(self, prefix: str) -> None:
        """Delete everything below `prefix` (never the whole root); missing is fine."""

    @abstractmethod
    def put_file(self, local: Path, name: str) -> None:
        """Copy a local file in, replacing `name`."""

    @abstractmethod
    def get_file(self, name: str, local: Path) -> None:
        """Copy `name` out to the file `local`. Raises FileNotFoundError."""

    @abstractmethod
    def local_dir(self, prefix: str) -> Path:
        """A local folder with everything below `prefix`, to read only.

        Folder: the folder itself. Bucket: a copy that is brought up to date by each call.
        Raises FileNotFoundError if nothing is below `prefix`.
        """

    def put_dir(self, local: Path, prefix: str, last: str = "") -> None:
        """Make `prefix` hold exactly the files below the local folder, replacing what is there.

        File by file: a reader of a file that does not change never misses it. Empty folders are
        not kept. A kill leaves some of the files; the one named `last`, by its path below the folder,
        is there only when all are.

        Raises:
            StorageError: `local` is no folder, or holds something else than files and folders.
        """
        prefix = check_prefix(prefix, allow_root=False)
        if not local.is_dir():
            raise StorageError(f"Expected a folder to copy to {self.uri}/{prefix}, got {local}.")
        kept = set()
        if last:
            self.delete(f"{prefix}/{last}")
        for path in sorted(local.rglob("*"), key=lambda path: (path == local / last, path)):
            if path.is_dir() and not path.is_symlink():
                continue
            if not path.is_file():
                raise StorageError(f"Expected only files and folders below {local}, found {path}.")
            name = f"{prefix}/{path.relative_to(local).as_posix()}"
            kept.add(name)
            self.put_file(path, name)
        for name in self.list(prefix):
            if name not in kept:
                self.delete(name)

    def make_durable(self, prefix: str) -> None:  # noqa: B027 - a bucket has nothing to do
        """Make what a reader saw directly in `prefix` survive a power cut, whoever wrote it."""

    def tidy(self) -> None:  # noqa: B027 - a bucket leaves nothing behind
        """Remove what processes killed over a day ago left unfinished."""
