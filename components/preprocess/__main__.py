"""`python -m components.preprocess`: turn a data set into records, without a campaign."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from components.contracts.process import command
from components.contracts.process.errors import StreetloopError

_EXAMPLE = (
    "python -m components.preprocess --source data/street --output out/records --size 128x256"
)


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; return the exit code."""
    parser = command.parser_of(
        "preprocess",
        "Turn images in the Cityscapes layout into records (TFRecord and an index). Records of "
        "the train pool hold no labels; those of dev, val and test do.",
        _EXAMPLE,
    )
    parser.add_argument("--source", type=command.path, required=True, help="a folder, or a zip")
    parser.add_argument(
        "--output", type=command.path, required=True, metavar="DIR", help="a new folder"
    )
    parser.add_argument(
        "--size", type=command.size, metavar="HxW", help="stored size (default: native)"
    )
    parser.add_argument(
        "--dev-fraction",
        type=command.share,
        metavar="F",
        help="share of each city's train frames that becomes dev, up to 0.5 (default: 0.1)",
    )
    parser.add_argument(
        "--guard",
        type=command.whole(0),
        metavar="N",
        help="frames between pool and dev that belong to neither (default: 1)",
    )
    parser.add_argument(
        "--ratios",
        type=command.shares,
        metavar="train=F,val=F",
        help="for data without splits (default: train=.8,val=.2)",
    )
    parser.add_argument(
        "--seed", type=command.whole(0), default=0, help="of the split by ratios (default: 0)"
    )
    parser.add_argument(
        "--skip-bad", action="store_true", help="leave broken images out and list them"
    )
    args = parser.parse_args(argv)
    return command.run(lambda: _preprocess(args))


def _preprocess(args: argparse.Namespace) -> int:
    from components.contracts.recipe import file as settings_file
    from components.contracts.recipe.data import DataSettings, SplitSettings
    from components.contracts.step.context import begin
    from components.preprocess.build import divide, write_records
    from components.preprocess.scorable import check_masks
    from tfds_cityscapes.source import SourceError, open_source

    begin("preprocess")
    given = {key: getattr(args, key) for key in ("dev_fraction", "guard", "ratios")}
    split = settings_file.validate(
        SplitSettings, {k: v for k, v in given.items() if v is not None}, "the options"
    )
    data = DataSettings(size=args.size or "native", skip_bad=args.skip_bad)
    try:
        source = open_source(args.source)
    except SourceError as error:
        raise StreetloopError(str(error)) from error
    division = divide(source, data, split, args.seed)
    check_masks(division, required=False)
    with command.new_folder(args.output) as folder:
        records, broken = write_records(division, folder)
    for note in division.notes:
        print(note, file=sys.stderr)
    for image_id, why in broken.items():
        print(f"left out {image_id}: {why}", file=sys.stderr)
    counts = ", ".join(f"{len(records.ids(name))} {name}" for name in division.splits)
    print(f"{counts}; left out as broken: {len(broken)}; records: {args.output}")
    return command.DONE


if __name__ == "__main__":
    sys.exit(main())
