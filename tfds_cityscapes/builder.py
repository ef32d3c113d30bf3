"""The TFDS builder: write data in the Cityscapes layout as TFRecord.

    builder = cityscapes(Path("cityscapes"), data_dir="records")
    builder.download_and_prepare()
    train = builder.as_dataset(split="train")

Masks are stored as train ids (0 to 18, 255 = ignore); records without masks have no label feature.
"""

from __future__ import annotations

import contextlib
import dataclasses
import io
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import tensorflow_datasets as tfds

from tfds_cityscapes.ahead import compute_ahead
from tfds_cityscapes.png import encode_png, fit_image
from tfds_cityscapes.source import Item, Source, SourceError, open_source


@dataclasses.dataclass(eq=False, kw_only=True, repr=False)
class StreetScenesConfig(tfds.core.BuilderConfig):
    """A request to the builder.

    Attributes:
      read_image: returns an item's image, uint8 [H, W, 3].
      read_label: returns an item's mask of train ids at its own size, uint8 [H, W]; None builds
        records without labels.
      items: split name -> items.
      size: (height, width) of the stored image; None keeps the size of each image.
      skip_bad: leave broken items out and list them in `bad`, instead of raising.
      bad: the items that were left out: (image_id, reason).
      workers: threads that read, resize and encode images; their number changes no byte.
      progress: called with the number of images written so far.
    """

    read_image: Callable[[Item], np.ndarray]
    read_label: Callable[[Item, tuple[int, int]], np.ndarray] | None
    items: dict[str, tuple[Item, ...]]
    size: tuple[int, int] | None = None
    skip_bad: bool = False
    workers: int = 1
    bad: list[tuple[str, str]] = dataclasses.field(default_factory=list)
    progress: Callable[[int], None] = lambda done: None


class StreetScenes(tfds.core.GeneratorBasedBuilder):
    """Street scenes with, or without, pixel labels."""

    VERSION = tfds.core.Version("1.0.0")
    RELEASE_NOTES: ClassVar[dict[str, str]] = {"1.0.0": "Native-size train-id masks."}

    def _info(self) -> tfds.core.DatasetInfo:
        features: dict[str, Any] = {
            "image_id": tfds.features.Text(),
            "city": tfds.features.Text(),
            "height": np.int32,  # native, in pixels
            "width": np.int32,
            "image": tfds.features.Image(shape=(None, None, 3), encoding_format="png"),
        }
        if self.builder_config.read_label is not None:
            features["label"] = tfds.features.Image(shape=(None, None, 1), encoding_format="png")
        return self.dataset_info_from_configs(features=tfds.features.FeaturesDict(features))

    def _split_generators(self, dl_manager: Any) -> dict[str, Iterator[Any]]:
        self._written = 0
        return {
            name: self._generate_examples(name, i) for name, i in self.builder_config.items.items()
        }

    def _generate_examples(
        self, split: str, items: tuple[Item, ...]
    ) -> Iterator[tuple[str, dict[str, Any]]]:
        config = self.builder_config
        before = self._written
        for item, computed in compute_ahead(self._example, items, config.workers):
            try:
                example = computed()
            except SourceError as error:
                if not config.skip_bad:
                    raise
                config.bad.append((item.image_id, str(error)))
                continue
            self._written += 1
            config.progress(self._written)
            yield item.image_id, example
        if self._written == before:  # TFDS cannot write an empty split
            why = f" The last one failed: {config.bad[-1][1]}" if config.bad else ""
            raise SourceError(f"No image of {split} can be used.{why}")

    def _example(self, item: Item) -> dict[str, Any]:
        config = self.builder_config
        image = config.read_image(item)
        native = image.shape[:2]
        if config.size is not None:
            image = fit_image(image, config.size)
        example = {
            "image_id": item.image_id,
            "city": item.city,
            "height": native[0],
            "width": native[1],
            "image": encode_png(image),
        }
        if config.read_label is not None:
            label = config.read_label(item, native)
            example["label"] = encode_png(label)
        return example


def build(config: StreetScenesConfig, data_dir: Path) -> StreetScenes:
    """Write the records below `data_dir` and return the builder.

    Raises:
      SourceError: an item is broken and `skip_bad` is off.
    """
    tfds.disable_progress_bar()
    builder = StreetScenes(config=config, data_dir=str(data_dir), file_format="tfrecord")
    with contextlib.redirect_stdout(
        io.StringIO()
    ):  # TFDS prints that it downloads, which it does not
        builder.download_and_prepare()
    return builder


def cityscapes(
    source: Path, data_dir: Path, *, size: tuple[int, int] | None = None, skip_bad: bool = False
) -> StreetScenes:
    """Return a builder for all splits of `source` (a folder or the zips), with masks.

    Items without a mask are left out; the benchmark's test masks are all ignore. Records of another
    state of the source, or of another size, get a folder of their own below `data_dir`.

    Args:
      source: a folder in the Cityscapes layout, a folder with its zips, or one zip.
      data_dir: where TFDS keeps its records.
      size: (height, width) of the stored images; None keeps the size of each image. Masks are
        never resized.
      skip_bad: leave broken items out and list them in `builder.builder_config.bad`.

    Raises:
      SourceError: `source` does not have the layout, or no image has a mask.
    """
    opened: Source = open_source(source)
    items: dict[str, list[Item]] = {}
    for item in opened.items:
        if item.label is not None:
            items.setdefault(item.split or "train", []).append(item)
    if not items:
        raise SourceError(
            f"No masks found in {source}. Expected gtFine/<split>/<city>/*_gtFine_labelIds.png."
        )
    names = [name for i in opened.items for name in (i.image, i.label) if name is not None]
    names += opened.tables  # which say what the masks mean
    stored = "native" if size is None else f"{size[0]}x{size[1]}"
    config = StreetScenesConfig(
        name=f"cityscapes_{stored}_{opened.fingerprint(names)[:8]}",
        read_image=opened.read_image,
        read_label=opened.read_label,
        items={name: tuple(i) for name, i in sorted(items.items())},
        size=size,
        skip_bad=skip_bad,
    )
    return StreetScenes(config=config, data_dir=str(data_dir), file_format="tfrecord")
