"""Compare what `streetloop predict` does to 4K photos with decoding, a plain forward pass and encoding.

    python -m benchmarks.photos [--photos 1] [--rounds 5]

Both see a photo at 576x1024 and write a label map of 2160x3840. The peer resizes all probabilities at
once, as TensorFlow does. Processor time, by turns. Memory: what a process takes for photos of 4K above
the same process after a photo of 576x1024.
"""

from __future__ import annotations

import argparse
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import cv2
import numpy as np
import tensorflow as tf

from benchmarks.figures import Figure, by_turns, report, speedups
from benchmarks.pool import NETWORK
from components.contracts.recipe.inference import InferenceSettings
from components.train.networks.generator import build_generator
from pipelines.predict.files import photos_in, read_photo, write
from pipelines.predict.photo import PhotoPredictor
from pipelines.predict.view import View
from tfds_cityscapes.labels import to_label_ids
from tfds_cityscapes.png import fit_image

SEEN, SIZE = (576, 1024), (2160, 3840)
LIMIT = 150  # MB


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--photos", type=int, default=1)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--growth", type=Path, help=argparse.SUPPRESS)  # a process of its own
    args = parser.parse_args()
    if args.growth:
        print(_growth(args.growth))
        return
    with tempfile.TemporaryDirectory(prefix="streetloop-") as name:
        folder = Path(name)
        build_generator(NETWORK).save(folder / "generator.keras")
        (folder / "photos").mkdir()
        for number in range(args.photos):
            cv2.imwrite(str(folder / "photos" / f"{number}.jpg"), _photo(number))
        values = _ratios(folder, args.rounds)
        report(Figure("labeling 4K photos", "decode, plain forward pass, encode", values, 0.9))
        command = [sys.executable, "-m", "benchmarks.photos", "--growth", name]
        found = [
            float(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
            for _ in range(args.rounds)
        ]
    what = "memory for 4K photos above that for photos as the model sees them"
    report(Figure(what, "a limit", tuple(found), LIMIT, "MB", at_least=False))


def _photo(seed: int) -> np.ndarray:
    coarse = np.random.default_rng(seed).integers(0, 256, (54, 96, 3), np.uint8)
    return cv2.resize(coarse, SIZE[::-1], interpolation=cv2.INTER_CUBIC)


def _ours(folder: Path, predictor: PhotoPredictor) -> None:
    for stem, file in photos_in(folder / "photos", []).files.items():
        ids = to_label_ids(predictor.train_ids(read_photo(file)))
        write(folder / f"{stem}_ours.png", cv2.imencode(".png", ids)[1].tobytes())


def _ratios(folder: Path, rounds: int) -> tuple[float, ...]:
    predictor = PhotoPredictor(folder / "generator.keras", View(size=SEEN), InferenceSettings())
    network = tf.function(
        lambda images: tf.nn.softmax(predictor.generator(images, training=False)),
        input_signature=[tf.TensorSpec([1, *SEEN, 3], tf.float32)],
        autograph=False,
    )

    def plain() -> None:
        for path in sorted((folder / "photos").iterdir()):
            image = cv2.cvtColor(cv2.imread(str(path)), cv2.COLOR_BGR2RGB)
            seen = fit_image(image, SEEN)[None].astype(np.float32)
            train_ids = tf.argmax(tf.image.resize(network(seen), SIZE), -1)[0].numpy()
            ids = to_label_ids(train_ids.astype(np.uint8))
            (folder / f"{path.stem}_plain.png").write_bytes(cv2.imencode(".png", ids)[1].tobytes())

    taken = by_turns(
        {"plain": plain, "ours": lambda: _ours(folder, predictor)}, rounds, time.process_time
    )
    for path in folder.glob("*_ours.png"):
        other = cv2.imread(str(path).replace("_ours", "_plain"), cv2.IMREAD_UNCHANGED)
        same = np.mean(cv2.imread(str(path), cv2.IMREAD_UNCHANGED) == other)
        if same < 0.9999:
            raise SystemExit(f"The label maps differ: {same:.6f} of the pixels are equal.")
    return speedups(taken["plain"], taken["ours"])


def _growth(folder: Path) -> float:
    """Return how much the peak grows from a photo of the size that the network sees to 4K, in MB."""
    predictor = PhotoPredictor(folder / "generator.keras", View(size=SEEN), InferenceSettings())
    small = cv2.resize(_photo(0), SEEN[::-1])
    for _ in range(2):
        predictor.train_ids(small)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    _ours(folder, predictor)
    return (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024


if __name__ == "__main__":
    main()
