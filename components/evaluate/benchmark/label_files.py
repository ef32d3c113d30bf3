"""Find the label files to score, and the prediction for each."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from components.evaluate.benchmark.id_files import ScoringError
from tfds_cityscapes.files import ending, is_junk, summarize, walk_folder
from tfds_cityscapes.masks import BEST_FIRST, encoding_of_name

_LABELS, _INSTANCES = "_labelIds.png", "_instanceIds.png"
_KINDS = ("_gtFine", "_gtCoarse")  # what Cityscapes puts before these endings
_TOKEN = re.compile(r"\d+|[^\W\d_]+|[\W_]")


@dataclass(frozen=True)
class TruthFile:
    """One image's ground truth. `image_id` is city_sequence_frame."""

    image_id: str
    labels: Path
    instances: Path | None


def find_truth(root: Path, split: str = "val") -> list[TruthFile]:
    """List the ground truth below a folder, sorted by image id.

    Args:
      root: the data set's root (then `gtFine/<split>` is searched), its `gtFine` folder, or any
        folder with `*_labelIds.png` files below it. An image's id is the part of the name before
        that ending, without `_gtFine`; its instances are in the `*_instanceIds.png` file beside it.
      split: which split of a data-set root.

    Raises:
      ScoringError: no file, an id occurs twice, or only some images have instance files.
    """
    if not root.is_dir():
        raise ScoringError(f"Ground-truth folder not found: {root}.")
    folder = root
    for base in (root / "gtFine", root):
        if base.name == "gtFine" and base.is_dir():
            splits = sorted(p.name for p in base.iterdir() if p.is_dir() and not is_junk(p.name))
            if split not in splits:
                raise ScoringError(
                    f"No split {split} in {base}; it has {', '.join(splits) or 'none'}. Name one of "
                    "them with --split."
                )
            folder = base / split
            break
    found = {file.name.casefold(): file for file in walk_folder(folder).files}
    files: dict[str, TruthFile] = {}
    for name, file in sorted(found.items()):
        if not name.endswith(_LABELS.casefold()):
            continue
        image_id = file.name.rpartition("/")[2][: -len(_LABELS)]
        for kind in _KINDS:
            image_id = image_id.removesuffix(kind)
        if image_id in files:
            raise ScoringError(
                f"More than one ground truth for {image_id}: {files[image_id].labels} and {file.path}. "
                "Point --ground-truth at one of them."
            )
        instances = found.get(name[: -len(_LABELS)] + _INSTANCES.casefold())
        files[image_id] = TruthFile(image_id, file.path, instances.path if instances else None)
    if not files:
        raise ScoringError(f"No *{_LABELS} files below {folder}.")
    without = [file for _, file in sorted(files.items()) if file.instances is None]
    if 0 < len(without) < len(files):
        raise ScoringError(
            f"Missing {_instances_of(without[0].labels)}, while {len(files) - len(without)} other "
            "images have an instance file. Add it, or score without any."
        )
    return [files[image_id] for image_id in sorted(files)]


def _instances_of(labels: Path) -> Path:
    return labels.with_name(labels.name[: -len(_LABELS)] + _INSTANCES)


def match_predictions(folder: Path, image_ids: Iterable[str]) -> dict[str, Path]:
    """Find each image's prediction: a PNG below `folder` whose name holds the image's id.

    Where several do, `*_labelIds.png` goes first, then `*_labelTrainIds.png`, any other name, and
    `*_color.png`.

    Raises:
      ScoringError: an image has no prediction, or more than one candidate.
    """
    if not folder.is_dir():
        raise ScoringError(f"Predictions folder not found: {folder}.")
    wanted = sorted(image_ids)
    known = set(wanted)
    candidates: dict[str, list[Path]] = {}
    walk = walk_folder(folder)
    for file in walk.files:
        if ending(file.name) != ".png":
            continue
        image_id = _id_in(file.name.rpartition("/")[2], known)
        if image_id is not None:
            candidates.setdefault(image_id, []).append(file.path)
    chosen = {}
    for image_id in wanted:
        paths = candidates.get(image_id, [])
        kinds = [encoding_of_name(path.name) for path in paths]
        best = min(kinds, key=BEST_FIRST.index, default=None)
        paths = [path for path, kind in zip(paths, kinds, strict=True) if kind == best]
        if not paths:
            raise ScoringError(
                f"No prediction for {image_id}. Expected a PNG below {folder} whose name holds "
                f"{image_id}; {len(candidates)} of {len(wanted)} images have one."
                + "".join(f" {note}" for note in summarize(walk.skipped))
            )
        if len(paths) > 1:
            raise ScoringError(
                f"More than one prediction for {image_id}: "
                f"{' and '.join(str(path) for path in paths[:3])}. Remove all but one."
            )
        chosen[image_id] = paths[0]
    return chosen


def _id_in(name: str, known: set[str]) -> str | None:
    """Return the longest known id in `name` between boundaries of words and numbers."""
    spans = [match.span() for match in _TOKEN.finditer(name)]
    matches = (
        name[start:end]
        for index, (start, _) in enumerate(spans)
        for _, end in spans[index:]
        if name[start:end] in known
    )
    return max(matches, key=len, default=None)
