"""Draw the picture in the README: each cycle's predictions on streets that were not used for training.

    python docs/make_picture.py [--recipe FILE] [--root runs/synthetic] [--output FILE]

Rows are validation images, of each city the one with the most classes in its labels; columns are the
image, its labels, and the prediction of each cycle's own model. This needs a finished campaign, so
run `make run` first.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import cv2
import numpy as np

from components.contracts.data.records import Records
from components.contracts.model.files import load_generator
from components.contracts.model.predictor import Predictor
from components.contracts.page.pictures import overlay
from components.contracts.recipe.recipe import load
from components.contracts.step.context import set_environment
from components.contracts.storage.open import open_storage
from tfds_cityscapes.labels import CLASS_NAMES, NUM_CLASSES, colorize

_GAP = 6
_HEADER = 30
_LINE = 22
_FONT = cv2.FONT_HERSHEY_DUPLEX


def main() -> None:
    """Read the campaign and write the picture."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--recipe", type=Path, default=Path("pipelines/recipes/synthetic.yaml"))
    parser.add_argument("--root", type=Path, default=Path("runs/synthetic"))
    parser.add_argument("--output", type=Path, default=Path("docs/images/result.jpg"))
    parser.add_argument("--rows", type=int, default=4)
    parser.add_argument("--width", type=int, default=320, help="width of one picture, in pixels")
    args = parser.parse_args()
    set_environment()
    storage = open_storage(str(args.root))
    reports = [
        json.loads(storage.read(name))
        for name in storage.list("cycles")
        if name.endswith("report.json")
    ]
    trained = sorted((r for r in reports if r["outcome"] == "done"), key=lambda r: r["cycle"])
    records = Records(storage.local_dir(trained[-1]["records"]))
    chosen = _rich(records)[: args.rows]
    columns = [("image", {}), ("labels", {})]
    for image_id in chosen:
        record = records.read(image_id)
        assert record.label is not None
        columns[0][1][image_id] = record.image
        columns[1][1][image_id] = overlay(record.image, record.label, 0.8)
    for report in trained:
        generator = load_generator(storage.local_dir(f"models/{report['model']}"))
        predictor = Predictor(generator, load(args.recipe).inference)
        title = f"{report['labeled']} labels: mIoU {100 * report['val']['miou']:.1f} %"
        pictures = {}
        for image_id in chosen:
            image = records.read(image_id).image
            predicted = predictor.classes(image)
            pictures[image_id] = overlay(image, predicted, 0.8)
        columns.append((title, pictures))
    args.output.parent.mkdir(parents=True, exist_ok=True)
    sheet = _sheet(columns, chosen, args.width)
    sheet = np.concatenate([sheet, _legend(sheet.shape[1])])
    # JPEG, because the noise and texture would take a megabyte and a half as a PNG.
    cv2.imwrite(
        str(args.output), cv2.cvtColor(sheet, cv2.COLOR_RGB2BGR), [cv2.IMWRITE_JPEG_QUALITY, 88]
    )
    print(f"Wrote {args.output}.")


def _rich(records: Records) -> list[str]:
    """Return the validation image with the most classes of each city."""
    best: dict[str, tuple[int, str]] = {}
    for image_id in records.ids("val"):
        label = records.read(image_id).label
        classes = 0 if label is None else int((np.unique(label) < NUM_CLASSES).sum())
        city = records.entries[image_id].city
        best[city] = max(best.get(city, (0, "")), (classes, image_id))
    return [image_id for _, image_id in best.values()]


def _legend(width: int) -> np.ndarray:
    """Draw the colour and the name of every class: uint8 [H, width, 3]."""
    columns = -(-NUM_CLASSES // 2)
    legend = np.full((2 * _LINE + _GAP, width, 3), 255, np.uint8)
    colors = colorize(np.arange(NUM_CLASSES, dtype=np.uint8)[None])[0].tolist()
    for k, (name, color) in enumerate(zip(CLASS_NAMES, colors, strict=True)):
        row, column = divmod(k, columns)
        left, top = column * width // columns, _GAP + row * _LINE
        cv2.rectangle(legend, (left, top), (left + 14, top + 14), color, cv2.FILLED)
        place = (left + 20, top + 12)
        cv2.putText(legend, name, place, _FONT, 0.45, (40, 40, 40), 1, cv2.LINE_AA)
    return legend


def _sheet(
    columns: list[tuple[str, dict[str, np.ndarray]]], rows: list[str], width: int
) -> np.ndarray:
    """Arrange pictures in a grid under their titles: uint8 [H, W, 3]."""
    first = columns[0][1][rows[0]]
    height = round(width * first.shape[0] / first.shape[1])
    total = _HEADER + len(rows) * (height + _GAP), len(columns) * (width + _GAP) - _GAP
    sheet = np.full((*total, 3), 255, np.uint8)
    for column, (title, pictures) in enumerate(columns):
        left = column * (width + _GAP)
        cv2.putText(sheet, title, (left, 20), _FONT, 0.5, (40, 40, 40), 1, cv2.LINE_AA)
        for row, image_id in enumerate(rows):
            top = _HEADER + row * (height + _GAP)
            picture = cv2.resize(pictures[image_id], (width, height), interpolation=cv2.INTER_AREA)
            sheet[top : top + height, left : left + width] = picture
    return sheet


if __name__ == "__main__":
    main()
