"""`python -m tfds_cityscapes.synthetic`: write a data set of generated street scenes."""

from __future__ import annotations

import argparse
import os
import re
import sys
from pathlib import Path

from tfds_cityscapes.synthetic.layout import SMALLEST, SyntheticError, generate

_EXAMPLE = """example:
  python -m tfds_cityscapes.synthetic --output data/street --seed 7 --images 200 --size 128x256
"""


def parse_size(text: str) -> tuple[int, int]:
    """Parse HEIGHTxWIDTH, in pixels."""
    match = re.fullmatch(r"(\d{1,6})[xX](\d{1,6})", text)
    if match is None:
        raise argparse.ArgumentTypeError(f"{text!r} is not HEIGHTxWIDTH in pixels, such as 128x256")
    return int(match[1]), int(match[2])


def _path(text: str) -> Path:
    """Parse a path. A shell leaves `~` alone in --output=~/out."""
    return Path(os.path.expanduser(text))


def main(arguments: list[str] | None = None) -> int:
    """Run the command; return 0, or exit with 2 after printing what is wrong."""
    parser = argparse.ArgumentParser(
        prog="python -m tfds_cityscapes.synthetic",
        description="Write generated street scenes with labels, in the Cityscapes layout.",
        epilog=_EXAMPLE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--output", type=_path, required=True, help="folder to fill")
    parser.add_argument("--seed", type=int, required=True, help="0 or larger")
    parser.add_argument("--images", type=int, required=True, help="images in train")
    parser.add_argument(
        "--size",
        type=parse_size,
        required=True,
        metavar="HxW",
        help=f"at least {SMALLEST}x{SMALLEST}",
    )
    parser.add_argument("--val", type=int, help="images in val (default: a quarter, at least 4)")
    parser.add_argument("--test", type=int, default=0, help="images in test (default: 0)")
    options = parser.parse_args(arguments)

    def show(done: int, total: int) -> None:
        if sys.stderr.isatty() or done == total:
            end = "\n" if done == total else ""
            print(f"\r{done} of {total} images", end=end, file=sys.stderr, flush=True)

    try:
        generate(
            options.output, seed=options.seed, images=options.images, size=options.size,
            val=options.val, test=options.test, progress=show,
        )  # fmt: skip
    except SyntheticError as error:
        parser.error(str(error))
    return 0


if __name__ == "__main__":
    sys.exit(main())
