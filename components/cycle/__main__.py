"""`python -m components.cycle`: open and close a campaign's cycle, and print its state."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

from components.contracts.process import command
from components.contracts.process.errors import StreetloopError, UsageError

if TYPE_CHECKING:
    from components.contracts.ledger.state import State

_EXAMPLE = """python -m components.cycle open --root runs/street --recipe recipe.json --owner me-1
  python -m components.cycle status --root runs/street
  python -m components.cycle close --root runs/street --owner me-1"""


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; return the exit code."""
    parser = command.parser_of(
        "cycle",
        "Run the first or the last task of a cycle by hand. The recipe is the resolved one, JSON, as "
        "in the pipeline's parameter; an existing campaign knows its own.",
        _EXAMPLE,
    )
    commands = parser.add_subparsers(dest="command", required=True, metavar="open|close|status")
    first = commands.add_parser("open", help="open the next cycle, or resume the open one")
    last = commands.add_parser(
        "close", help="close the owner's cycle; give it back if a step is not done"
    )
    status = commands.add_parser("status", help="print the campaign's state as JSON")
    for one in (first, last, status):
        one.add_argument("--root", required=True, metavar="URI", help="the campaign root")
    for one in (first, last):
        one.add_argument("--recipe", type=command.path, metavar="JSON", help="the resolved recipe")
        one.add_argument("--owner", required=True, help="a unique name for this run")
    first.add_argument(
        "--take-over", action="store_true", help="take an open cycle over from a dead run"
    )
    last.add_argument("--failed", metavar="WHY", help="what failed, for the ledger")
    args = parser.parse_args(argv)
    return command.run(lambda: _cycle(args))


def _cycle(args: argparse.Namespace) -> int:
    from components.contracts.ledger.ledger import Ledger
    from components.contracts.storage.open import open_storage

    if args.command == "status":
        state = Ledger(open_storage(args.root)).state()
        if not state.created:
            raise StreetloopError(f"No campaign at {args.root}.")
        print(json.dumps(_status(state), indent=1))
        return command.DONE
    recipe = _recipe(args)
    if args.command == "open":
        from components.cycle.open import run as open_cycle

        print(json.dumps(open_cycle(recipe, args.root, args.owner, args.take_over)._asdict()))
        return command.DONE
    from components.cycle.close import run as close_cycle

    close_cycle(recipe, args.root, args.owner, args.failed or "")
    return command.DONE


def _recipe(args: argparse.Namespace) -> str:
    """Return the resolved recipe: from the file, else the campaign's own."""
    from components.contracts.ledger.ledger import Ledger
    from components.contracts.storage.open import open_storage

    if args.recipe is None:
        state = Ledger(open_storage(args.root)).state()
        if not state.created:
            raise UsageError(f"No campaign at {args.root} yet. Pass --recipe to create one.")
        return json.dumps(state.recipe)
    text = command.existing(args.recipe, "a resolved recipe (JSON)").read_text()
    try:
        recipe = json.loads(text)
    except ValueError as error:
        raise UsageError(f"{args.recipe} is not JSON: {error}.") from error
    missing = [
        name
        for name in ("name", "seed", "data", "split", "feedback", "train", "query")
        if not isinstance(recipe, dict) or name not in recipe
    ]
    if missing:
        raise UsageError(
            f"{args.recipe} is not a resolved recipe: {', '.join(missing)} missing. Use the pipeline's "
            "parameter `recipe`."
        )
    return text


def _status(state: State) -> dict[str, object]:
    current = state.open_cycle
    return {
        "name": state.name,
        "version": state.version,
        "labeled": len(state.labels),
        "outstanding": sorted(state.outstanding),
        "champion": state.champion.model if state.champion else None,
        "open_cycle": None if current is None else {"cycle": current.cycle, "owner": current.owner},
        "cycles": [
            {"cycle": c.cycle, "outcome": c.outcome} | c.summary.model_dump(exclude_none=True)
            for c in state.cycles.values()
        ],
    }


if __name__ == "__main__":
    sys.exit(main())
