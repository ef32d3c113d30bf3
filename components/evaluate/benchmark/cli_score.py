"""`python -m components.evaluate --predictions DIR ...`: score a folder, to JSON and HTML."""

from __future__ import annotations

import argparse
import json
import sys

from components.contracts.process import command
from components.contracts.process.errors import UsageError
from components.contracts.process.files import write_text


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of folder scoring, which `run` reads."""
    group = parser.add_argument_group(
        "folder scoring", "score PNGs of ids as the Cityscapes benchmark does"
    )
    group.add_argument(
        "--predictions",
        type=command.path,
        metavar="DIR",
        help="folder of PNGs whose names hold city_sequence_frame: label ids, or train ids in "
        "*_labelTrainIds.png",
    )
    group.add_argument(
        "--ground-truth",
        type=command.path,
        metavar="DIR",
        help="data set root (gtFine/<split>), or a folder with *_labelIds.png below it",
    )
    group.add_argument("--split", default="val", help="split of a data set root (default: val)")
    group.add_argument("--output", type=command.path, metavar="JSON", help="the report to write")
    group.add_argument("--html", type=command.path, metavar="HTML", help="write an HTML page too")
    group.add_argument(
        "--workers", type=int, metavar="N", help="threads that decode files (default: one per core)"
    )
    group.add_argument(
        "--worst", type=int, default=10, metavar="N", help="how many worst images to list"
    )


def run(args: argparse.Namespace) -> int:
    """Score, write the reports and print the headline numbers.

    Returns:
      0, the process's exit code.

    Raises:
      UsageError: an option is missing or out of range.
      StreetloopError: a file is missing or cannot be scored; then nothing is written.
    """
    for name in ("predictions", "ground_truth", "output"):
        if getattr(args, name) is None:
            raise UsageError(f"Folder scoring needs --{name.replace('_', '-')}.")
    for name in ("workers", "worst"):
        value = getattr(args, name)
        if value is not None and value < 1:
            raise UsageError(f"--{name} is {value}. Expected at least 1.")

    from components.evaluate.benchmark import compiled
    from components.evaluate.benchmark.scoring import score_folders

    compiled.keep_freed_memory()
    report = score_folders(
        args.predictions,
        args.ground_truth,
        split=args.split,
        workers=args.workers,
        worst=args.worst,
    )
    if args.html is not None:
        from components.evaluate.benchmark.page import folder_page

        name = args.predictions.name or str(args.predictions)
        write_text(args.html, folder_page(report, name))
    scores = report.scores.model_dump(mode="json")
    write_text(args.output, json.dumps(scores, indent=2, allow_nan=False) + "\n")
    for name in ("miou", "iiou", "category_iou", "pixel_accuracy", "dice"):
        value = scores[name]
        print(f"{name:<15} {'undefined' if value is None else f'{100 * value:.2f} %'}")
    print(f"{scores['images']} images; report: {args.output}")
    for warning in report.scores.warnings:
        print(f"Warning: {warning}", file=sys.stderr)
    return command.DONE
