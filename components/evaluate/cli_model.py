"""`python -m components.evaluate --model ...`: score a model on records, to JSON and HTML."""

from __future__ import annotations

import argparse
import json

from components.contracts.process import command
from components.contracts.process.errors import StreetloopError, UsageError
from components.contracts.process.files import write_text
from components.contracts.process.words import counted

_SPLITS = ("dev", "val", "test")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of model scoring; --split, --output and --html come with folder scoring."""
    group = parser.add_argument_group(
        "model scoring", "score a generator on records, at the labels' native size"
    )
    group.add_argument(
        "--model", type=command.path, metavar="FILE|DIR", help="a generator to score"
    )
    group.add_argument("--records", type=command.path, metavar="DIR", help="records of preprocess")
    group.add_argument("--flip", action="store_true", help="average with the mirrored image")
    group.add_argument(
        "--scales",
        type=command.numbers,
        metavar="N,N",
        help="average over zooms, such as 0.75,1,1.25",
    )
    group.add_argument(
        "--window", type=command.size, metavar="HxW", help="slide a window of this size"
    )


def run(args: argparse.Namespace) -> int:
    """Score, write the reports and print the headline numbers.

    Returns:
      0, the process's exit code.

    Raises:
      UsageError: an option is missing or impossible.
      StreetloopError: there is no such model, or no labeled image of the split.
    """
    from components.contracts.recipe import file as settings_file
    from components.contracts.recipe.inference import InferenceSettings

    for name in ("records", "output"):
        if getattr(args, name) is None:
            raise UsageError(f"Model scoring needs --{name}.")
    if args.split not in _SPLITS:
        raise UsageError(f"Unknown --split {args.split}. Expected one of {', '.join(_SPLITS)}.")
    given = {"flip": args.flip, "scales": args.scales, "window": args.window}
    settings = settings_file.validate(
        InferenceSettings, {k: v for k, v in given.items() if v is not None}, "the options"
    )

    from components.contracts.data.records import Records
    from components.contracts.model.files import load_generator
    from components.contracts.model.predictor import Predictor
    from components.contracts.process.progress import Progress
    from components.contracts.scores.report import HEADLINES
    from components.contracts.step.context import begin
    from components.evaluate.assess import assess, baseline
    from components.evaluate.report.page import examples_of, model_page, pictures_of

    begin("evaluate")
    records = Records(args.records)
    total = len(records.ids(args.split))
    if not total:
        raise StreetloopError(
            f"No labeled image of {args.split} in {args.records}. It has "
            + ", ".join(f"{len(records.ids(name))} of {name}" for name in _SPLITS)
            + "."
        )
    predictor = Predictor(load_generator(args.model), settings)
    progress = Progress("evaluate", "images scored", total)
    assessment = assess(predictor, records, args.split, progress=progress.update)
    report = assessment.report().model_dump(mode="json") | {
        "split": args.split,
        "inference": settings.model_dump(mode="json"),
        "baseline": baseline(assessment.confusion).model_dump(mode="json"),
    }
    if args.html is not None:
        pictures = pictures_of(predictor, records, [w.image_id for w in assessment.worst.list()])
        page = model_page(
            "Scores of a model",
            None,
            assessment,
            None,
            pictures,
            args.split,
            examples=examples_of(predictor, records, assessment.confused),
            inference=settings,
        )
        write_text(args.html, page)
    write_text(args.output, json.dumps(report, indent=1, allow_nan=False) + "\n")
    for name in HEADLINES:
        value = report[name]
        print(f"{name:<15} {'undefined' if value is None else f'{100 * value:.2f} %'}")
    print(f"{counted(total, 'image')}; report: {args.output}")
    return command.DONE
