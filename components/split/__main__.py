"""`python -m components.split`: join records with label maps, without a campaign."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from components.contracts.process import command
from components.contracts.process.errors import StreetloopError

_EXAMPLE = "python -m components.split --records out/records --labels out/labels --output out/split"


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; return the exit code."""
    parser = command.parser_of(
        "split",
        "Join the train pool with label maps: labeled/ (records with labels) and unlabeled.txt "
        "(ids). A label map is <image_id>.png with train ids (as the feedback step writes them), or "
        "<image_id>_labelIds.png, _trainIds.png or _color.png, at the image's native size.",
        _EXAMPLE,
    )
    parser.add_argument(
        "--records", type=command.path, required=True, metavar="DIR", help="records of preprocess"
    )
    parser.add_argument(
        "--labels",
        type=command.path,
        required=True,
        metavar="DIR",
        help="label maps, also in subfolders",
    )
    parser.add_argument(
        "--output", type=command.path, required=True, metavar="DIR", help="a new folder"
    )
    args = parser.parse_args(argv)
    return command.run(lambda: _split(args))


def _split(args: argparse.Namespace) -> int:
    from components.contracts.annotation.known import KnownImages
    from components.contracts.data.records import LABELED, POOL, UNLABELED_IDS, Records
    from components.contracts.process.progress import Progress
    from components.contracts.step.context import begin
    from components.split import label_maps
    from components.split.join import join

    begin("split")
    records = Records(args.records)
    images = KnownImages({i: (e.height, e.width) for i, e in records.entries.items()})
    found = label_maps.find(command.existing(args.labels, "a folder of label maps"), images)
    pool = set(records.ids(POOL))
    wanted = sorted(pool & set(found))
    if not wanted:
        raise StreetloopError(
            f"No label map in {args.labels} belongs to an image of the train pool: {len(found)} "
            f"found, such as {next(iter(found))}. {args.records / 'index.json'} lists the pool's ids."
        )
    progress = Progress("split", "labeled records", len(wanted))
    with command.new_folder(args.output) as folder:
        joined = join(records, wanted, lambda i: label_maps.read(found[i]), folder, progress.update)
    print(
        f"{len(wanted)} labeled: {args.output / LABELED}; {len(joined.unlabeled)} unlabeled: "
        f"{args.output / UNLABELED_IDS}; label maps of other images, not used: "
        f"{len(found) - len(wanted)}"
    )
    return command.DONE


if __name__ == "__main__":
    sys.exit(main())
