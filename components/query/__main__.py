"""`python -m components.query`: rank images and write annotation tasks, without a campaign."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, get_args

from components.contracts.process import command
from components.contracts.process.errors import StreetloopError, UsageError
from components.contracts.recipe.query import AggregationName, QuerySettings, StrategyName

if TYPE_CHECKING:
    from components.query.look import Model

_EXAMPLE = (
    "python -m components.query --records out/records --ids out/split/unlabeled.txt \\\n"
    "      --labeled out/split/labeled --model out/fit/model --count 8 --output out/query"
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
        "--records", type=command.path, required=True, metavar="DIR", help="records of preprocess"
    )
    parser.add_argument(
        "--ids",
        type=command.path,
        required=True,
        metavar="FILE",
        help="candidates, one id per line",
    )
    parser.add_argument(
        "--model",
        type=command.path,
        metavar="FILE|DIR",
        help="a generator; also draws pre-annotations. Only random and stratified work without",
    )
    parser.add_argument(
        "--labeled", type=command.path, metavar="DIR", help="labeled records of the split step"
    )
    parser.add_argument(
        "--strategy",
        choices=("auto", *get_args(StrategyName)),
        default="auto",
        metavar="NAME",
        help=f"auto (default), {', '.join(get_args(StrategyName))}",
    )
    parser.add_argument(
        "--aggregation",
        choices=get_args(AggregationName),
        default=QuerySettings().aggregation,
        help="how an image's doubt follows from that of its pixels (default: %(default)s)",
    )
    parser.add_argument(
        "--samples",
        type=command.whole(2, 100),
        default=QuerySettings().samples,
        metavar="N",
        help="passes of --strategy bald (default: %(default)s)",
    )
    parser.add_argument(
        "--min-gap",
        type=command.whole(0),
        default=QuerySettings().min_gap,
        metavar="N",
        help="frames between two images of one drive (default: %(default)s)",
    )
    parser.add_argument(
        "--count", type=command.whole(1), required=True, metavar="N", help="images to ask for"
    )
    parser.add_argument(
        "--output", type=command.path, required=True, metavar="DIR", help="a new folder"
    )
    parser.add_argument(
        "--seed", type=command.whole(0), default=0, help="seed of chance (default: 0)"
    )
    args = parser.parse_args(argv)
    return command.run(lambda: _query(args))


def _query(args: argparse.Namespace) -> int:
    from components.contracts.data.records import POOL, Records, check_in_pool, read_ids
    from components.contracts.step.context import begin
    from components.query.ask import make_query, write_query
    from components.query.tasks import enlarged

    if args.model is None and args.strategy not in ("random", "stratified"):
        raise UsageError(
            f"--strategy {args.strategy} needs a model. Pass --model, or use --strategy stratified."
        )
    begin("query")
    records = Records(args.records)
    labeled = Records(args.labeled).ids(POOL) if args.labeled else []
    ids = read_ids(command.existing(args.ids, "a list of ids"))
    check_in_pool(records, ids, args.ids)
    check_in_pool(records, labeled, args.labeled)
    if not ids:
        raise StreetloopError(f"{args.ids} is empty. Give a list of ids of these records.")
    settings = QuerySettings(
        strategy=args.strategy,
        aggregation=args.aggregation,
        samples=args.samples,
        min_gap=args.min_gap,
    )
    model = None if args.model is None else _load(args.model, args.strategy)
    with command.new_folder(args.output) as folder:
        query = make_query(records, ids, labeled, settings, args.count, model, (args.seed, 0))
        write_query(folder, query, records, model, enlarged, "Why these images")
    for item in query.chosen:
        print(f"{item.score:.4f}  {item.image_id}  {item.reason}")
    print(f"{len(query.chosen)} of {len(ids)} images by {query.strategy}; tasks: {args.output}")
    if query.why:
        print(query.why)
    return command.DONE


def _load(path: Path, strategy: str) -> Model:
    from components.contracts.model.embedding import Embedder
    from components.contracts.model.files import load_generator
    from components.contracts.model.judge import load_judge
    from components.contracts.model.predictor import Predictor
    from components.query.look import Model

    generator = load_generator(path)
    judge = load_judge(path) if strategy == "discriminator" else None
    return Model(Predictor(generator), Embedder(generator), judge)


if __name__ == "__main__":
    sys.exit(main())
