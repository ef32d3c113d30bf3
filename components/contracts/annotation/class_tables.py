"""Find the table that a tool wrote beside its masks, in a zip or in a folder."""

from __future__ import annotations

from collections.abc import Callable, Collection
from pathlib import Path, PurePosixPath

from components.contracts.annotation.fields import clean
from components.contracts.annotation.model import AnnotationError
from tfds_cityscapes.masks import ClassTable, MaskError, parse_table, table_beside
from tfds_cityscapes.masks.tables import PARSERS

_LEVELS = 3  # of folders above a mask: gtFine/<split>/<city>


def beside(member: str, names: Collection[str], read: Callable[[str], bytes]) -> ClassTable | None:
    """Return the table of a mask in a zip, see `table_beside`; AnnotationError if it is damaged."""
    try:
        return table_beside(member, names, read)
    except MaskError as error:
        raise AnnotationError(str(error)) from error


def parse(name: str, data: bytes) -> ClassTable:
    """Read a table; AnnotationError if it is damaged."""
    try:
        table = parse_table(name, data)
    except MaskError as error:
        raise AnnotationError(str(error)) from error
    if table is None:
        raise AnnotationError(f"There are no classes in {clean(name)}. Export the masks again.")
    return table


def exists_beside(member: str, names: Collection[str]) -> bool:
    """Return whether a table is in the folder of an entry of a zip, or above it."""
    folders = PurePosixPath(member).parents
    return any(str(folder / table) in names for folder in folders for table in PARSERS)


def is_table(member: str, read: Callable[[str], bytes]) -> bool:
    """Return whether an entry of a zip is a table; a damaged one is reported with its masks."""
    if PurePosixPath(member).name not in PARSERS:
        return False
    try:
        return parse_table(member, read(member)) is not None
    except MaskError:
        return True


def beside_file(path: Path | None) -> ClassTable | None:
    """Return the table of a mask in a folder: in it, or up to two folders above.

    Raises:
      AnnotationError: the table is damaged or cannot be read.
    """
    if path is None:
        return None
    files = _candidates(path)
    try:
        return beside(str(path.absolute()), files, lambda name: files[name].read_bytes())
    except OSError as error:
        raise AnnotationError(f"The table beside the mask cannot be read: {error}.") from error


def name_beside(path: Path) -> str | None:
    """Return where the table of a mask in a folder is, or None; a damaged one counts."""
    try:
        return None if beside_file(path) is None else next(iter(_candidates(path)))
    except AnnotationError:
        return next(iter(_candidates(path)))


def name_of(name: str) -> str | None:
    """Return the name of a file that is a table of classes by its name, or None."""
    return name if PurePosixPath(name).name in PARSERS else None


def _candidates(path: Path) -> dict[str, Path]:
    folders = list(path.absolute().parents)[:_LEVELS]
    found = (folder / name for folder in folders for name in PARSERS)
    return {str(file): file for file in found if file.is_file()}
