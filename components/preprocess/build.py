"""Divides a data set into splits and writes its records, for a campaign, a command or an ablation."""

from __future__ import annotations

import hashlib
import json
import logging
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from components.contracts.data.records import INDEX, POOL, Records, write_index
from components.contracts.ledger.layout import records_folder
from components.contracts.process.cpus import usable_cpus
from components.contracts.process.errors import StreetloopError
from components.contracts.process.progress import Progress
from components.contracts.recipe.data import DataSettings, SplitSettings
from components.contracts.storage.base import Storage
from components.preprocess.scorable import check_scorable
from tfds_cityscapes.files import Skipped, summarize
from tfds_cityscapes.labels import IGNORE_LABEL
from tfds_cityscapes.source import Item, Source, SourceError
from tfds_cityscapes.splits import by_ratios, carve_cities, carve_dev, initial_labels

log = logging.getLogger("streetloop")
FORMAT = 1  # of the records; with a new number every campaign rewrites its records
_MOST_WORKERS = 16  # each holds an image of the source's size in memory


class Built(NamedTuple):
    """Records, and the broken images that they lack: image id -> the reason."""

    records: Records
    broken: dict[str, str]


@dataclass(frozen=True)
class Division:
    """A data set, divided.

    Attributes:
      source: the data set.
      data: the size at which images are stored, and whether broken ones may be left out.
      splits: train (the pool), dev, val and test -> their images.
      notes: sentences that say what was left out of the source, and why.
    """

    source: Source
    data: DataSettings
    splits: dict[str, list[Item]]
    notes: list[str] = field(default_factory=list)

    @property
    def records_folder(self) -> str:
        """The folder of the records in a campaign root: it names one state of the source, one size.

        Masks of the pool don't count: records do not hold them, so a campaign must not notice when
        they come or go.
        """
        names = [i.image for items in self.splits.values() for i in items]
        scored = (items for name, items in self.splits.items() if name != POOL)
        names += [i.label for items in scored for i in items if i.label]
        names += self.source.tables  # they say what the ids of the masks mean
        facts = {
            "format": FORMAT,
            "files": self.source.fingerprint(names),
            "size": self.data.size,
            "splits": {name: [i.image_id for i in items] for name, items in self.splits.items()},
        }
        text = json.dumps(facts, sort_keys=True)
        return records_folder(hashlib.sha256(text.encode()).hexdigest()[:16])

    def labelable(self, records: Records) -> list[Item]:
        """Return the images of the pool that can be labeled and trained on: with a record and a mask."""
        return [i for i in self.splits[POOL] if i.image_id in records and i.label is not None]

    def choose_labeled(self, records: Records, amount: int | str, seed: int) -> list[str]:
        """Draw the sorted ids of the pool that are labeled at the start.

        Args:
          records: of this division.
          amount: as `initial_labels` takes it.
          seed: of the choice.
        """
        return initial_labels(self.labelable(records), amount, seed)


def divide(source: Source, data: DataSettings, split: SplitSettings, seed: int) -> Division:
    """Divide a data set into train (the pool), dev, val and test.

    Images of dev, val and test without a mask are left out: nothing can be scored on them.

    Raises:
      StreetloopError: no image is left to train on, or `split.ratios` cannot be met.
    """
    named: dict[str, list[Item]] = {}
    for item in source.items:
        named.setdefault(item.split, []).append(item)
    if "" in named:
        ratios = {str(name): share for name, share in split.ratios.items() if share > 0}
        try:
            dealt = by_ratios(named.pop(""), ratios, seed)
        except SourceError as error:
            raise StreetloopError(f"{source.uri}: {error}") from error
        named |= {name: named.get(name, []) + items for name, items in dealt.items()}
    train = named.get("train", [])
    # Nothing can be scored on frames without masks: a source without any keeps all frames to label.
    fraction = split.dev_fraction if any(i.label for i in train) else 0.0
    if split.dev_by == "city":
        try:
            pool, dev = carve_cities(train, fraction, split.dev_cities, seed)
        except SourceError as error:
            raise StreetloopError(f"{source.uri}: {error}") from error
    else:
        pool, dev, _ = carve_dev(train, fraction, split.guard)
    if not pool:
        counts = ", ".join(f"{len(items)} in {name}" for name, items in named.items()) or "none"
        raise StreetloopError(
            f"{source.uri} has no images to train on (images found: {counts}). Put them into "
            "leftImg8bit/train/<city>."
        )
    if dev and not any(i.label for i in dev):
        log.warning(
            "dev is empty: none of its %d frames has a mask, though others of train have. No score on dev "
            "stops a fit early, and every new model becomes champion. Choose cities with masks as dev "
            "(split.dev_by: city, split.dev_cities), or set split.dev_fraction to 0.",
            len(dev),
        )
    test = [i for i in named.get("test", []) if i.label is not None]
    # The benchmark withholds the masks of its test part: they are all ignore.
    if all(_is_withheld(source, item) for item in test[:3]):
        test = []
    scored = {"dev": dev, "val": named.get("val", []), "test": test}
    bare = [i for items in scored.values() for i in items if i.label is None]
    unlabeled = [Skipped(i.image, "it is to be scored and has no mask in gtFine") for i in bare]
    return Division(
        source,
        data,
        {POOL: pool} | {k: [i for i in v if i.label is not None] for k, v in scored.items()},
        summarize((*source.skipped, *unlabeled)),
    )


def _is_withheld(source: Source, item: Item) -> bool:
    try:
        return bool((source.read_label(item) == IGNORE_LABEL).all())
    except SourceError:
        return False  # whether a broken mask stops anything is decided where records are written


def store_records(division: Division, storage: Storage) -> str:
    """Write the records into a campaign root unless they exist; return their folder there.

    Raises:
      StreetloopError: as `write_records` does, or no model could be scored on the records, or the
        storage failed.
    """
    name = division.records_folder
    if not storage.exists(f"{name}/{INDEX}"):
        with tempfile.TemporaryDirectory(prefix="streetloop-") as folder:
            records, broken = write_records(division, Path(folder))
            check_scorable(records)  # of records that are stored, nobody asks again
            storage.put_dir(Path(folder), name, last=INDEX)
        for note in division.notes:
            log.warning("%s", note)
        for image_id, why in broken.items():
            log.warning("left out %s: %s", image_id, why)
    return name


def write_records(division: Division, output: Path) -> Built:
    """Write the records of all splits below `output`; those of the pool hold no labels.

    Raises:
      StreetloopError: an image or mask is broken, and `data.skip_bad` is off or nothing is left of
        its split.
    """
    from tfds_cityscapes.builder import StreetScenesConfig, build

    source, data = division.source, division.data
    split_of = {i.image_id: name for name, items in division.splits.items() for i in items}
    progress = Progress("preprocess", "images", len(split_of))
    pool = {POOL: tuple(division.splits[POOL])}
    scored = {k: tuple(v) for k, v in division.splits.items() if k != POOL and v}
    written = 0
    broken: dict[str, str] = {}
    for name, items in (("pool", pool), ("scored", scored)):
        if not items:
            continue

        def report(done: int, before: int = written) -> None:
            progress.update(before + done)

        config = StreetScenesConfig(
            name=name,
            read_image=source.read_image,
            read_label=None if items is pool else source.read_label,
            items=items,
            size=None if data.size == "native" else data.size,
            skip_bad=data.skip_bad,
            workers=min(usable_cpus(), _MOST_WORKERS),
            progress=report,
        )
        try:
            build(config, output)
        except SourceError as error:
            advice = "Repair or remove the file"
            if not data.skip_bad:
                advice += ", or leave broken images out with data.skip_bad=true (--skip-bad)"
            raise StreetloopError(f"{error} {advice}.") from error
        written += sum(len(i) for i in items.values())
        broken |= dict(config.bad)
    (output / "skipped.json").write_text(json.dumps(broken, indent=1))
    return Built(write_index(output, split_of), broken)
