"""The contract of a campaign root: one small interface over a folder and over a bucket.

Names are relative POSIX paths (`labels/aachen_1/ab12.png`). A *prefix* is a folder of names:
`work/1` and `work/1/` mean the same and never match `work/10/x`.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import NamedTuple, TypeAlias

from components.contracts.storage.errors import StorageError
from components.contracts.storage.names import check_prefix

Names: TypeAlias = list[str]
Contents: TypeAlias = list[bytes]

# Called as observer(phase, operation, name) with phase "before" or "after" around every durable
# change, so that a test can kill the process exactly there. A change that failed has no "after".
observer: Callable[[str, str, str], None] | None = None


@contextmanager
def observed(operation: str, name: str) -> Iterator[None]:
    """Call the observer, if there is one, before and after a durable change."""
    if observer is not None:
        observer("before", operation, name)
    yield
    if observer is not None:
        observer("after", operation, name)


SETTLED_S = 10.0  # a copy that did not grow for this long is complete


class Stamp(NamedTuple):
    """The state of a file at one moment.

    Attributes:
        size: in bytes.
        arrived: when the file got its content or its name.
        whole: false while somebody may still be writing it: within SETTLED_S of the last change.
        version: changes when the file is replaced or written to; only the storage that made it can
            interpret it (a generation, an ETag, an inode with its time).
    """

    size: int
    arrived: datetime
    whole: bool
    version: tuple[int | str, ...]


class Storage(ABC):
    """A campaign root. The ledger is safe only on an implementation that guarantees:

    - *Durability.* When a call that changes something returns, the change survives a crash.
    - *Atomicity.* A reader sees the old content of a name or the new, never a part.
    - *Create if absent.* Of several `create` calls on one name exactly one succeeds, also from
      several machines. Where a retry hides a lost answer, the caller's own write may come back as
      FileExistsError; the caller compares the content.
    - *Consistency.* `read`, `exists`, `stamp` and `list` see every change whose call has returned,
      whichever process made it.
    - *Conditional changes.* `delete` and `move` leave a file alone that is not the stamped one.
    - *Errors.* Busy answers and lost connections are retried. What remains is FileNotFoundError,
      FileExistsError, or a StorageError that tells a person what to do.

    Every change runs inside `observed`. The tests of this contract run over each implementation.

    Attributes:
        uri: the root, in a form that `open_storage` accepts.
    """

    uri: str

    @abstractmethod
    def check_usable(self) -> None:
        """Try what the ledger needs: write, replace, create if absent, delete.

        Raises:
            StorageError: the root cannot keep a ledger; the message says why and what to do.
        """

    def free_bytes(self) -> int | None:
        """Return how much more can be written; None if there is no limit that is known."""
        return None

    @abstractmethod
    def read(self, name: str) -> bytes:
        """Return the content of `name`. Raises FileNotFoundError."""

    def read_many(self, names: Iterable[str]) -> Contents:
        """Return the contents of `names`, in their order. Raises FileNotFoundError for a missing one."""
        return [self.read(name) for name in names]

    @abstractmethod
    def exists(self, name: str) -> bool:
        """Return whether a file of this name exists (a prefix is not a file)."""

    @abstractmethod
    def list(self, prefix: str = "") -> Names:
        """Return all names below `prefix`, relative to the root and sorted; no temporary files."""

    @abstractmethod
    def create(self, name: str, data: bytes) -> None:
        """Write `name` only if it does not exist yet.

        Raises:
            FileExistsError: it exists; after a lost answer it may be the caller's own write.
        """

    @abstractmethod
    def write(self, name: str, data: bytes) -> None:
        """Write or replace `name`."""

    @abstractmethod
    def stamp(self, name: str) -> Stamp:
        """Return the state of `name` without reading its content. Raises FileNotFoundError."""

    @abstractmethod
    def delete(self, name: str, only: Stamp | None = None) -> None:
        """Delete `name` if it exists; with `only`, not if it changed since that stamp."""

    @abstractmethod
    def move(self, name: str, to: str, only: Stamp) -> None:
        """Rename `name` without reading it, replacing the file that has the new name.

        Do nothing if `name` does not exist, or changed since the stamp `only`.
        """

    @abstractmethod
    def delete_prefix(self, prefix: str) -> None:
        """Delete everything below `prefix`, if there is anything; never the whole root."""

    @abstractmethod
    def put_file(self, local: Path, name: str) -> None:
        """Copy a local file to `name`, replacing it."""

    @abstractmethod
    def get_file(self, name: str, local: Path) -> None:
        """Copy `name` to the local file `local`. Raises FileNotFoundError."""

    @abstractmethod
    def local_dir(self, prefix: str) -> Path:
        """Return a local folder with everything below `prefix`, to read only.

        In a folder root this is the folder itself; of a bucket it is a copy that each call brings
        up to date. Raises FileNotFoundError if there is nothing below `prefix`.
        """

    def put_dir(self, local: Path, prefix: str, last: str = "") -> None:
        """Make `prefix` hold exactly the files below a local folder, replacing what it holds.

        Files are copied one by one: a reader of a file that does not change never misses it. Empty
        folders are not kept. After a kill some files may be missing; the file `last`, named by its
        path below the folder, exists only when all the others do.

        Raises:
            StorageError: `local` is not a folder, or holds something else than files and folders.
        """
        prefix = check_prefix(prefix, allow_root=False)
        if not local.is_dir():
            raise StorageError(f"{local} is not a folder. It was to go to {self.uri}/{prefix}.")
        kept = set()
        if last:
            self.delete(f"{prefix}/{last}")
        for path in sorted(local.rglob("*"), key=lambda path: (path == local / last, path)):
            if path.is_dir() and not path.is_symlink():
                continue
            if not path.is_file():
                raise StorageError(f"{path} is neither a file nor a folder; it cannot be copied.")
            name = f"{prefix}/{path.relative_to(local).as_posix()}"
            kept.add(name)
            self.put_file(path, name)
        for name in self.list(prefix):
            if name not in kept:
                self.delete(name)

    def make_durable(self, prefix: str) -> None:  # noqa: B027 - a bucket has nothing to do
        """Make the names directly in `prefix` survive a power cut, whoever wrote them."""

    def tidy(self) -> None:  # noqa: B027 - a bucket leaves nothing behind
        """Delete what processes that were killed over a day ago left behind."""
