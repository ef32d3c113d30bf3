"""Says in a sentence or two what a cycle rejected, for the people who handed it in."""

from __future__ import annotations

from collections.abc import Sequence

from components.contracts.annotation.fields import DATA_SET
from components.contracts.ledger.events import LabelsAccepted, Refused
from components.contracts.process.words import counted
from components.feedback.oracle import ANNOTATOR as ORACLE


def rejected_words(files: Sequence[LabelsAccepted]) -> list[str]:
    """Return a sentence on what people handed in, and one on the masks of the data set; none if all is well.

    Files are counted, or labels if a file held several: of those that an export repeats, the new ones.

    Args:
      files: that arrived with a cycle.
    """
    handed = [file for file in files if file.file_name not in (DATA_SET, ORACLE)]
    own = [file for file in files if file.file_name == DATA_SET]
    several = any(_size(file) > 1 for file in handed)
    total = sum(map(_size, handed)) if several else len(handed)
    words = [_words(handed, total, "label" if several else "file")]
    words.append(_words(own, sum(map(_size, own)), "mask", " of the data set"))
    return [sentence for sentence in words if sentence]


def _size(file: LabelsAccepted) -> int:
    return len(file.labels) + len(file.refused)


def _words(files: Sequence[LabelsAccepted], total: int, what: str, whose: str = "") -> str:
    refused: list[Refused] = [one for file in files for one in file.refused]
    if not refused:
        return ""
    were = "was" if len(refused) == 1 else "were"
    first = "" if len(refused) == 1 else ", first"
    return (
        f"{len(refused)} of {counted(total, what)}{whose} {were} rejected{first}: {refused[0].name}: "
        f"{refused[0].reason.removesuffix('.')}. `streetloop feedback list` names all."
    )
