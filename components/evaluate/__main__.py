"""`python -m components.evaluate`: score a model on records, or a folder of predictions."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from components.contracts.process import command
from components.evaluate import cli_model
from components.evaluate.benchmark import cli_score

_EXAMPLE = """python -m components.evaluate --model out/fit/model --records out/records \\
      --split val --output out/scores.json --html out/scores.html
  python -m components.evaluate --predictions out/val --ground-truth data/street \\
      --output out/scores.json"""


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; return the exit code (0 done, 1 bad data, 2 bad usage)."""
    parser = command.parser_of(
        "evaluate",
        "Score mIoU, pixel accuracy and Dice as the Cityscapes benchmark does: of a model on "
        "records (--model), or of a folder of predictions (--predictions).",
        _EXAMPLE,
    )
    cli_score.add_arguments(parser)
    cli_model.add_arguments(parser)
    args = parser.parse_args(argv)
    if (args.predictions is None) == (args.model is None):
        parser.error("name what to score: a folder with --predictions, or a model with --model")
    return command.run(lambda: (cli_model if args.model else cli_score).run(args))


if __name__ == "__main__":
    sys.exit(main())
