"""`python -m components.query`: rank images and write annotation tasks, without a campaign."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import get_args

from components.contracts.process import command
from components.contracts.process.errors import StreetloopError, UsageError
from components.contracts.recipe.query import StrategyName

_EXAMPLE = (
    "python -m components.query --records out/records --ids out/split/unlabeled.txt \\\n"
    "      --model out/fit/model --strategy entropy --count 8 --output out/query"
)


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; return the exit code."""
    parser = command.parser_of(
        "query",
        "Rank unlabeled images and write annotation tasks for the best ones: selection.json, "
        "scores.json, images, and files that Label Studio and CVAT import.",
        _EXAMPLE,
    )
    parser.add_argument(
        "--records", type=Path, required=True, metavar="DIR", help="records of preprocess"
    )
    parser.add_argument(
        "--ids", type=Path, required=True, metavar="FILE", help="candidates, one id per line"
    )
    parser.add_argument(
        "--model",
        type=Path,
        metavar="FILE|DIR",
        help="a generator; also draws pre-annotations. Only --strategy random works without",
    )
    parser.add_argument("--strategy", choices=get_args(StrategyName), default="entropy")
    parser.add_argument(
        "--count", type=command.whole(1), required=True, metavar="N", help="images to ask for"
    )
    parser.add_argument("--output", type=Path, required=True, metavar="DIR", help="a new folder")
    parser.add_argument(
        "--seed", type=command.whole(0), default=0, help="seed of --strategy random (default: 0)"
    )
    args = parser.parse_args(argv)
    return command.run(lambda: _query(args))


def _query(args: argparse.Namespace) -> int:
    from components.contracts.data.records import Records, read_ids
    from components.contracts.model.files import load_generator
    from components.contracts.model.predictor import Predictor
    from components.contracts.step.context import begin
    from components.query.ask import write_query
    from components.query.tasks import enlarged

    if args.model is None and args.strategy != "random":
        raise UsageError(
            f"--strategy {args.strategy} needs a model. Pass --model, or use --strategy random."
        )
    begin("query")
    records = Records(args.records)
    ids = read_ids(command.existing(args.ids, "a list of ids"))
    missing = [i for i in ids if i not in records]
    if missing or not ids:
        problem = f"lists {missing[0]}, which {args.records} lacks" if missing else "is empty"
        raise StreetloopError(f"{args.ids} {problem}. Give a list of ids of these records.")
    predictor = None if args.model is None else Predictor(load_generator(args.model))
    with command.new_folder(args.output) as folder:
        chosen = write_query(
            folder, records, ids, args.strategy, args.count, predictor, enlarged, args.seed, cycle=0
        )
    for item in chosen:
        print(f"{item.score:.4f}  {item.image_id}  {item.reason}")
    print(f"{len(chosen)} of {len(ids)} images; tasks: {args.output}")
    return command.DONE


if __name__ == "__main__":
    sys.exit(main())
