"""Score a folder of predictions against a folder of labels, file by file.

Memory does not depend on the number of images: a few pairs are in flight at a time, and what is
kept of an image is its cells in a matrix (and, for the worst ones, one matrix each).
"""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from components.contracts.process.cpus import usable_cpus
from components.contracts.scores.confusion import LabelMapError
from components.evaluate.benchmark.counts import PixelCounts, count_pair
from components.evaluate.benchmark.id_files import ScoringError, read_ids, read_labels
from components.evaluate.benchmark.label_files import TruthFile, find_truth, match_predictions
from components.evaluate.benchmark.report import Confusion, FolderScores
from components.evaluate.benchmark.sums import Sums
from components.evaluate.benchmark.suspicion import train_ids_suspected
from components.evaluate.explain import Examples, WorstImages, most_confused
from tfds_cityscapes.labels import CLASS_NAMES
from tfds_cityscapes.masks import encoding_of_name


@dataclass(frozen=True)
class FolderReport:
    """The scores of a folder, and what its page needs besides.

    Attributes:
      confusion: int64 [19, 20], see `metrics`.
      files: labels and prediction of the images that `scores` names, by image id.
    """

    scores: FolderScores
    confusion: np.ndarray
    files: dict[str, tuple[TruthFile, Path]]


def score_pair(truth: TruthFile, prediction: Path) -> PixelCounts:
    """Read and count one image.

    Raises:
      ScoringError: a file is unreadable, of another size, or holds unknown ids; the message names it.
    """
    instances = None if truth.instances is None else read_ids(truth.instances)
    try:
        return count_pair(read_labels(truth.labels), read_labels(prediction), instances)
    except LabelMapError as error:
        raise ScoringError(f"{error} The prediction is {prediction}, for {truth.labels}.") from None


def score_pairs(
    pairs: Iterable[tuple[TruthFile, Path]], workers: int | None = None
) -> Iterator[tuple[TruthFile, Path, PixelCounts]]:
    """Count pairs in the order given, decoding a few at a time in threads of this process.

    Args:
      pairs: label and prediction files.
      workers: threads; by default one for each processor that this process may use.
    """
    workers = workers or usable_cpus()
    if workers == 1:
        for truth, prediction in pairs:
            yield truth, prediction, score_pair(truth, prediction)
        return
    waiting: deque[tuple[TruthFile, Path, Future[PixelCounts]]] = deque()
    with ThreadPoolExecutor(workers) as pool:
        try:
            for truth, prediction in pairs:
                waiting.append((truth, prediction, pool.submit(score_pair, truth, prediction)))
                if len(waiting) > 2 * workers:
                    first, path, future = waiting.popleft()
                    yield first, path, future.result()
            while waiting:
                first, path, future = waiting.popleft()
                yield first, path, future.result()
        finally:
            for _, _, future in waiting:
                future.cancel()


def score_folders(
    predictions: Path,
    ground_truth: Path,
    *,
    split: str = "val",
    workers: int | None = None,
    worst: int = 10,
) -> FolderReport:
    """Score every image of the ground truth as the Cityscapes benchmark does.

    Args:
      predictions: folder of PNGs, see `label_files.match_predictions`.
      ground_truth: see `label_files.find_truth`.
      split: which split, if `ground_truth` is a data set's root.
      workers: threads, see `score_pairs`.
      worst: how many of the worst images to list.

    Raises:
      ScoringError: a file is missing or cannot be scored.
    """
    files = find_truth(ground_truth, split)
    paths = match_predictions(predictions, (file.image_id for file in files))
    with_instances = files[0].instances is not None
    cities: defaultdict[str, Sums] = defaultdict(lambda: Sums(with_instances))
    worst_images, examples = WorstImages(worst), Examples()
    for truth, _, counts in score_pairs(((f, paths[f.image_id]) for f in files), workers):
        matrix = counts.scored()
        cities[truth.image_id.rsplit("_", 2)[0]].add_image(counts, matrix)
        worst_images.add(truth.image_id, matrix)
        examples.add(truth.image_id, matrix)
    total = Sums(with_instances)
    for city in cities.values():
        total.add(city)
    confusion = total.counts.scored()
    confused, listed = most_confused(confusion, examples=examples), worst_images.list()
    named = {score.image_id for score in listed} | {pair.example for pair in confused}
    as_label_ids = any(encoding_of_name(path.name) != "train_ids" for path in paths.values())
    doubt = train_ids_suspected(total.counts) if as_label_ids else None
    scores = FolderScores(
        **total.folder(),
        warnings=[doubt] if doubt else [],
        per_city={name: city.city() for name, city in sorted(cities.items())},
        confusion=Confusion(
            truth=list(CLASS_NAMES),
            predicted=[*CLASS_NAMES, "not scored"],
            pixels=confusion.tolist(),
        ),
        worst_images=listed,
        most_confused=confused,
    )
    shown = {f.image_id: (f, paths[f.image_id]) for f in files if f.image_id in named}
    return FolderReport(scores, confusion, shown)
