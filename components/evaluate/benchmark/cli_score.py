"""`python -m components.evaluate --predictions DIR ...`: folder scoring, to JSON and HTML."""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import numpy as np

from components.contracts.process.errors import StreetloopError, UsageError
from components.contracts.process.files import write_text
from components.evaluate.benchmark import native
from components.evaluate.benchmark.id_files import read_ids
from components.evaluate.benchmark.scoring import FolderReport, score_folders
from tfds_cityscapes.labels import colorize, to_train_ids

_PICTURE_WIDTH = 640


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the options of folder scoring; `run` takes what they parse to."""
    group = parser.add_argument_group(
        "folder scoring", "score label-id PNGs as the Cityscapes benchmark does"
    )
    group.add_argument(
        "--predictions",
        type=Path,
        metavar="DIR",
        help="folder of label-id PNGs whose names hold city_sequence_frame",
    )
    group.add_argument(
        "--ground-truth",
        type=Path,
        metavar="DIR",
        help="data set root (gtFine/<split>), or a folder with *_labelIds.png below it",
    )
    group.add_argument("--split", default="val", help="split of a data set root (default: val)")
    group.add_argument("--output", type=Path, metavar="JSON", help="where the report goes")
    group.add_argument("--html", type=Path, metavar="HTML", help="also write a page to look at")
    group.add_argument(
        "--workers", type=int, metavar="N", help="threads that decode files (default: all cores)"
    )
    group.add_argument(
        "--worst", type=int, default=10, metavar="N", help="how many worst images to list"
    )


def run(args: argparse.Namespace) -> int:
    """Scores, writes the reports and prints the headline numbers.

    Returns:
      0, the process's exit code.

    Raises:
      UsageError: an option is missing or out of range.
      StreetloopError: a file is missing or cannot be scored; nothing is written then.
    """
    for name in ("predictions", "ground_truth", "output"):
        if getattr(args, name) is None:
            raise UsageError(f"Folder scoring needs --{name.replace('_', '-')}.")
    for name in ("workers", "worst"):
        value = getattr(args, name)
        if value is not None and value < 1:
            raise UsageError(f"Expected --{name} to be at least 1; got {value}.")
    native.keep_freed_memory()
    report = score_folders(
        args.predictions,
        args.ground_truth,
        split=args.split,
        workers=args.workers,
        worst=args.worst,
    )
    if args.html is not None:
        _write(args.html, _page(report, args.predictions))
    _write(args.output, json.dumps(report.json, indent=2, allow_nan=False) + "\n")
    for name in ("miou", "iiou", "category_iou", "pixel_accuracy", "dice"):
        value = report.json[name]
        print(f"{name:<15} {'undefined' if value is None else f'{100 * value:.2f} %'}")
    print(f"{report.json['images']} images; report: {args.output}")
    return 0


def _write(path: Path, text: str) -> None:
    """Replaces a file at once: a reader never sees half of it."""
    try:
        write_text(path, text)
    except OSError as error:
        raise StreetloopError(f"Expected to be able to write {path}: {error}.") from error


def _page(report: FolderReport, predictions: Path) -> str:
    from components.contracts.scores.metrics import summarize
    from components.evaluate.report.figures import class_iou_figure, confusion_figure
    from components.evaluate.report.page import PAIRS_SHOWN, example_row
    from components.evaluate.report.report_html import ImageRow, Page, render

    worst = [
        ImageRow(
            score.image_id,
            f"mIoU {100 * score.miou:.1f} %, pixel accuracy {100 * score.pixel_accuracy:.1f} %. "
            f"{score.words}",
            _pictures(*_maps(report, score.image_id)),
        )
        for score in report.worst
    ]
    examples = []
    for pair in report.confused[:PAIRS_SHOWN]:
        labels, predicted = _maps(report, str(pair.example))
        views = {"labels": colorize(labels), "prediction": colorize(predicted)}
        views["mixed up (red)"] = views["labels"]
        examples.append(example_row(pair, labels, predicted, views))
    page = Page(
        title="Cityscapes scores",
        scores=report.json,
        facts={
            "images": str(report.json["images"]),
            "scored pixels": f"{report.json['pixels']:,}",
            "predictions": predictions.name or str(predictions),
        },
        figures={
            "IoU per class": class_iou_figure(summarize(report.confusion)),
            "Confusion matrix; the scale is a square root, so that small mistakes show": (
                confusion_figure(report.confusion)
            ),
        },
        confused=[pair["words"] for pair in report.json["most_confused"]],
        examples=examples,
        worst=worst,
        cities=report.json["per_city"],
    )
    return render(page)


def _maps(report: FolderReport, image_id: str) -> tuple[np.ndarray, np.ndarray]:
    """Labels and prediction of one image: train ids [H, W]."""
    truth, prediction = report.files[image_id]
    return to_train_ids(read_ids(truth.labels)), to_train_ids(read_ids(prediction))


def _pictures(labels: np.ndarray, predicted: np.ndarray) -> list[tuple[str, bytes]]:
    """Labels, prediction and mistakes of one image, small enough for a page."""
    from components.evaluate.report.pictures import error_map, shrink, to_png

    pictures = {
        "labels": colorize(labels),
        "prediction": colorize(predicted),
        "mistakes (red)": error_map(labels, predicted),
    }
    return [(name, to_png(shrink(one, _PICTURE_WIDTH))) for name, one in pictures.items()]
