"""`python -m components.evaluate`: the evaluate step's command line."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from components.contracts.errors import StreetloopError, UsageError
from components.evaluate import cli_score


def main(argv: Sequence[str] | None = None) -> int:
    """Runs one command; returns the exit code (0 done, 1 bad data, 2 bad usage)."""
    parser = argparse.ArgumentParser(prog="python -m components.evaluate", description=__doc__)
    cli_score.add_arguments(parser)
    args = parser.parse_args(argv)
    if args.predictions is None:
        parser.error("name the folder to score with --predictions")
    try:
        return cli_score.run(args)
    except StreetloopError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2 if isinstance(error, UsageError) else 1


if __name__ == "__main__":
    sys.exit(main())
