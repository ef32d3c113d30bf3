"""Turns a data set into records: which image goes where, and the TFRecord files."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from pathlib import Path

import numpy as np

from components.contracts.data.records import Records, write_index
from components.contracts.process.errors import StreetloopError
from components.contracts.recipe.data import DataSettings, SplitSettings
from tfds_cityscapes.labels import IGNORE_LABEL
from tfds_cityscapes.source import Item, Source, SourceError
from tfds_cityscapes.splits import by_ratios, carve_dev, initial_labels

FORMAT = 1  # of the records; a new number makes every campaign write its records again
POOL = "train"


def assign(source: Source, split: SplitSettings, seed: int) -> dict[str, list[Item]]:
    """Divides the images into train (the pool), dev, val and test.

    Images of dev, val and test that have no mask are left out: nothing can be scored on them.

    Raises:
      StreetloopError: no image is left to train on, or `split.ratios` cannot be met.
    """
    try:
        return _assign(source, split, seed)
    except SourceError as error:
        raise StreetloopError(f"{source.uri}: {error}") from error


def _assign(source: Source, split: SplitSettings, seed: int) -> dict[str, list[Item]]:
    named: dict[str, list[Item]] = {}
    for item in source.items:
        named.setdefault(item.split, []).append(item)
    if "" in named:
        dealt = by_ratios(named.pop(""), _ratios(split), seed)
        named |= {name: named.get(name, []) + items for name, items in dealt.items()}
    train = named.get("train", [])
    # Nothing can be scored on frames without masks: a source that has none keeps them all to label.
    fraction = split.dev_fraction if any(i.label for i in train) else 0.0
    train, dev, _ = carve_dev(train, fraction, split.guard)
    if not train:
        raise StreetloopError(
            f"{source.uri}: expected images to train on in leftImg8bit/train/<city>; got none "
            f"(found: { {k: len(v) for k, v in named.items()} })."
        )
    scored = {"dev": dev, "val": named.get("val", []), "test": _with_truth(source, named)}
    return {POOL: train} | {
        name: [i for i in items if i.label is not None] for name, items in scored.items()
    }


def _ratios(split: SplitSettings) -> dict[str, float]:
    return {str(name): share for name, share in split.ratios.items() if share > 0}


def _with_truth(source: Source, named: dict[str, list[Item]]) -> list[Item]:
    """The test part, unless its masks are withheld (the benchmark's are all ignore)."""
    items = [i for i in named.get("test", []) if i.label is not None]
    return [] if items and all(_withheld(source, i) for i in items[:3]) else items


def _withheld(source: Source, item: Item) -> bool:
    try:
        return bool((source.read_label(item) == IGNORE_LABEL).all())
    except SourceError:
        return False  # whether broken masks stop anything is decided where records are built


def fingerprint(
    source: Source, splits: dict[str, list[Item]], data: DataSettings, split: SplitSettings
) -> str:
    """Identifies one state of the source at one storage size: 16 hex digits.

    Masks of the pool are left out: records do not hold them, so a campaign must not notice when
    they come or go.
    """
    names = [i.image for items in splits.values() for i in items]
    names += [i.label for name, items in splits.items() if name != POOL for i in items if i.label]
    facts = {
        "format": FORMAT,
        "files": source.fingerprint(names),
        "size": data.size,
        "splits": {name: [i.image_id for i in items] for name, items in splits.items()},
    }
    return hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()[:16]


def choose_labeled(
    splits: dict[str, list[Item]], records: Records, amount: int | str, seed: int
) -> list[str]:
    """The pool's images that a simulation labels at the start, sorted ids.

    Only an image whose record exists can be labeled and trained on, and only one with a mask.

    Args:
      splits: of `assign`.
      records: of `build_records`.
      amount: as `initial_labels` takes it.
      seed: of the choice.
    """
    pool = [i for i in splits[POOL] if i.image_id in records and i.label is not None]
    return initial_labels(pool, amount, seed)


def build_records(
    source: Source,
    splits: dict[str, list[Item]],
    output: Path,
    data: DataSettings,
    progress: Callable[[int], None] = lambda done: None,
) -> tuple[Records, list[tuple[str, str]]]:
    """Writes the records of all splits below `output`.

    Returns:
      the records, and what was left out as broken: (image_id, why). Always empty unless
      `data.skip_bad`.

    Raises:
      StreetloopError: an image or mask is broken, and `data.skip_bad` is off or none of its split
        is left.
    """
    from tfds_cityscapes.builder import StreetScenesConfig, build

    size = None if data.size == "native" else data.size
    scored = {name: tuple(items) for name, items in splits.items() if name != POOL and items}
    offset = 0
    bad: list[tuple[str, str]] = []
    parts: list[tuple[str, dict[str, tuple[Item, ...]], Callable[..., np.ndarray] | None]] = [
        ("pool", {POOL: tuple(splits[POOL])}, None),
        ("scored", scored, source.read_label),
    ]
    for name, items, read_label in parts:
        if not items:
            continue
        config = StreetScenesConfig(
            name=name,
            read_image=source.read_image,
            read_label=read_label,
            items=items,
            size=size,
            skip_bad=data.skip_bad,
            progress=_after(offset, progress),
        )
        try:
            build(config, output)
        except SourceError as error:
            advice = " Mend or remove the file"
            if not data.skip_bad:
                advice += ", or leave broken images out with data.skip_bad=true (--skip-bad)"
            raise StreetloopError(f"{error}{advice}.") from error
        offset += sum(len(i) for i in items.values())
        bad += config.bad
    (output / "skipped.json").write_text(json.dumps(dict(bad), indent=1))
    split_of = {i.image_id: name for name, items in splits.items() for i in items}
    return write_index(output, split_of), bad


def _after(offset: int, progress: Callable[[int], None]) -> Callable[[int], None]:
    return lambda done: progress(offset + done)
