"""The bed of a simulation: the images of a campaign root, a frozen encoder, and the answers."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import NamedTuple

import numpy as np

from components.contracts.data.records import INDEX, Records
from components.contracts.ledger.labels import within
from components.contracts.model.thinned import Thinned
from components.contracts.process.errors import StreetloopError
from components.contracts.process.progress import Progress
from components.contracts.recipe.recipe import Recipe
from components.contracts.regions.tiles import Tiles, grid
from components.contracts.scores.confusion import confusion_matrix
from components.contracts.scores.summary import Scores, summarize
from components.contracts.storage.base import Storage
from components.feedback.oracle import read_answer
from components.preprocess.build import store_records
from components.query.aggregation import aggregate_by
from components.query.facts import Facts, facts_of
from components.query.look import SecondLook
from components.query.strategies import MEASURES
from components.query.strategies.bald import mutual_information
from components.query.strategies.disagreement import divergence
from components.train.frozen.features import Features, write_features
from components.train.frozen.fit import HeadPredictor, fit_head
from components.train.frozen.labels import shares
from pipelines.experiment.scene import Scene, scene_of
from pipelines.simulate.plan import Design, features_folder, has_features
from pipelines.simulate.ways import Way
from tfds_cityscapes.labels import NUM_CLASSES

_DROPOUT = 1  # distinguishes its chance from that of the strategy
# A head, the measure of a second look if any, whether regions were looked at, and a seed.
_Asked = tuple[HeadPredictor, str | None, bool, int]


class Fitted(NamedTuple):
    """A fitted head, its scores, and the seconds that the fit took."""

    predictor: HeadPredictor
    scores: Scores
    seconds: float


class Bed:
    """Fits heads on any labels of the pool, scores them, and looks at the pool with them.

    Attributes:
      pool: ids of the images that can be asked for.
      grid: the regions of an image.
    """

    def __init__(self, recipe: Recipe, storage: Storage, design: Design) -> None:
        self.scene: Scene = scene_of(recipe, storage)
        self.records = Records(storage.local_dir(self.scene.prefix))
        self.features = Features(storage.local_dir(features_folder(recipe, self.scene)))
        self.pool = self.scene.labelable(self.records)
        self.grid: Tiles = grid(*recipe.query.region_grid)
        self._scored = self.records.ids(design.split)
        self._design = design
        self._aggregate, self._samples = aggregate_by(recipe.query), recipe.query.samples
        self._labels: dict[str, tuple[Tiles | None, np.ndarray]] = {}
        self._looked: tuple[_Asked | None, dict[str, Facts]] = (None, {})

    def fit(
        self, labeled: Mapping[str, Tiles | None], seed: int, progress: Callable[[int], None]
    ) -> Fitted:
        """Fit a head from scratch and score it at the labels' native size.

        Args:
          labeled: the tiles of each image whose masks it learns from; None for the whole image.
          seed: of the fit.
          progress: called with the number of steps done.
        """
        labels = {image_id: self._label(image_id, tiles) for image_id, tiles in labeled.items()}
        started = time.monotonic()
        head = fit_head(self.features, labels, self._design.head, seed, progress)
        predictor = HeadPredictor(head)
        confusion = np.zeros((NUM_CLASSES, NUM_CLASSES), np.int64)
        for image_id in self._scored:
            truth = self.records.read(image_id).label
            assert truth is not None  # records of dev and val have one
            maps = self.features.read([image_id])[0]
            confusion += confusion_matrix(truth, predictor.classes(maps, truth.shape))
        return Fitted(predictor, summarize(confusion), time.monotonic() - started)

    def _label(self, image_id: str, tiles: Tiles | None) -> np.ndarray:
        """Return what a head learns from an image, `labels.shares`, kept until other tiles are labeled."""
        known = self._labels.get(image_id)
        if known is None or known[0] != tiles:
            answer = within(read_answer(self.scene.source, self.scene.items, image_id), tiles)
            known = tiles, shares(answer, self.features.shape[:2])
            self._labels[image_id] = known
        return known[1]

    def look(self, predictor: HeadPredictor, way: Way, seed: int) -> dict[str, Facts]:
        """Return what a head says of every image of the pool; asked again at once, it is known.

        Args:
          predictor: the head.
          way: to choose, which may need a second look, or a look at regions.
          seed: of the trial, for what a second look leaves to chance.
        """
        again = self._second_look(predictor, way.strategy, seed)
        asked = predictor, way.strategy if again else None, way.regions, seed
        if self._looked[0] == asked:  # a seed's first head, for the next strategy
            return self._looked[1]
        regions = (self.grid.rows, self.grid.columns) if way.regions else None
        out = {}
        for image_id in self.pool:
            maps = self.features.read([image_id])
            probabilities = predictor.probabilities(maps)[0]
            second: dict[str, np.ndarray] = {}
            if again is not None:
                second = {way.strategy: again(maps, probabilities)}
            mean = self.features.mean(image_id)
            facts = facts_of(probabilities, mean, second, self._aggregate, regions)
            if not facts.finite:
                raise StreetloopError(
                    f"The fitted head's output for {image_id} is not finite. Lower the learning rate."
                )
            out[image_id] = facts
        self._looked = asked, out
        return out

    def _second_look(self, predictor: HeadPredictor, strategy: str, seed: int) -> SecondLook | None:
        """Return a function from features [1, h, w, C] and probabilities [h, w, 19] to doubt [h, w]."""
        if strategy in MEASURES:
            return lambda maps, probabilities: MEASURES[strategy](probabilities)
        if strategy == "disagreement":
            # Not a query's: there the encoder sees the mirrored image, whose features are not kept here.
            return lambda maps, probabilities: divergence(
                probabilities, predictor.probabilities(maps[:, :, ::-1])[0][:, ::-1]
            )
        if strategy == "bald":
            draws = np.random.default_rng((seed, _DROPOUT))
            thinned = Thinned(predictor.head, self._samples, draws)
            return lambda maps, _: mutual_information(thinned.passes(maps.astype(np.float32)))
        return None


def prepare(recipe: Recipe, storage: Storage) -> None:
    """Write the records and the features that a bed needs, unless they exist.

    Raises:
      StreetloopError: an image is broken, the images differ in size, or the encoder has no weights.
    """
    scene = scene_of(recipe, storage)
    records = Records(storage.local_dir(store_records(scene.division, storage)))
    prefix = features_folder(recipe, scene)
    if has_features(recipe, scene, storage):
        return
    ids = [i for split in ("train", "dev", "val") for i in records.ids(split)]
    progress = Progress("features", "images", len(ids))
    with tempfile.TemporaryDirectory(prefix="streetloop-") as name:
        write_features(records, ids, recipe.train.network.encoder, Path(name), progress.update)
        storage.put_dir(Path(name), prefix, last=INDEX)
