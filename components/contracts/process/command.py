"""Build the steps' own command lines: types of options, exit codes, output folders.

This module stays light: `--help` must not wait for TensorFlow.
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NoReturn

from components.contracts.process.errors import StreetloopError
from components.contracts.process.uncaught import DONE, FAILED, USAGE, exit_code, one_line
from components.contracts.process.uri import user_path

__all__ = ["DONE", "FAILED", "USAGE"]
LARGEST_SEED = 2**31 - 1


def parser_of(step: str, description: str, example: str) -> argparse.ArgumentParser:
    """Return the parser of `python -m components.<step>`; its help ends with an example."""
    return argparse.ArgumentParser(
        prog=f"python -m components.{step}",
        description=description,
        epilog=f"example:\n  {example}\n\nExit codes: 0 done, 1 failed, 2 bad usage.",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )


def run(body: Callable[[], int]) -> int:
    """Run a command; print an error that a person can act on as one line, and return its code."""
    try:
        return body()
    except StreetloopError as error:
        print(one_line(error), file=sys.stderr)
        return exit_code(error)
    except OSError as error:  # a full disk, a folder without write permission
        print(f"error: {error}", file=sys.stderr)
        return FAILED


def _reject(text: str, expected: str) -> NoReturn:
    raise argparse.ArgumentTypeError(f"{text!r} is not {expected}")


def path(text: str) -> Path:
    """Parse the path of a file or folder. A shell leaves `~` alone in --output=~/out."""
    return user_path(text)


def size(text: str) -> tuple[int, int]:
    """Parse HEIGHTxWIDTH in pixels, 32 to 8192 each."""
    match = re.fullmatch(r"(\d{1,5})[xX](\d{1,5})", text)
    if match is None or not all(32 <= int(n) <= 8192 for n in match.groups()):
        _reject(text, "HEIGHTxWIDTH in pixels (32 to 8192 each), such as 128x256")
    return int(match[1]), int(match[2])


def whole(low: int, high: int = LARGEST_SEED) -> Callable[[str], int]:
    """Return an option type that parses a whole number from `low` to `high`."""

    def parse(text: str) -> int:
        if not re.fullmatch(r"\d{1,12}", text) or not low <= int(text) <= high:
            _reject(text, f"a whole number from {low} to {high}")
        return int(text)

    return parse


def share(text: str) -> float:
    """Parse a number from 0 to 1."""
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not 0 <= value <= 1:
        _reject(text, "a number from 0 to 1")
    return value


def numbers(text: str) -> tuple[float, ...]:
    """Parse numbers that are separated by commas."""
    try:
        return tuple(float(part) for part in text.split(","))
    except ValueError:
        _reject(text, "a list of numbers separated by commas, such as 0.75,1,1.25")


def shares(text: str) -> dict[str, float]:
    """Parse names with their shares, such as train=.8,val=.2."""
    out: dict[str, float] = {}
    for part in text.split(","):
        name, _, value = part.partition("=")
        if name in out or not name:
            _reject(text, "a list in which each name occurs once, such as train=.8,val=.2")
        out[name] = share(value)
    return out


def existing(path: Path, what: str) -> Path:
    """Return the path of a file or folder, or raise a StreetloopError that says what it holds."""
    if not path.exists():
        raise StreetloopError(f"{path} does not exist. Expected {what}.")
    return path


@contextmanager
def new_folder(output: Path) -> Iterator[Path]:
    """Yield an empty folder that gets the name `output` if the block succeeds.

    A folder with that name is therefore complete; what a killed attempt left is deleted.

    Raises:
      StreetloopError: `output` exists and is not an empty folder.
    """
    if output.exists() and (not output.is_dir() or any(output.iterdir())):
        raise StreetloopError(
            f"--output {output} exists and is not an empty folder. Delete it, or name another "
            "folder."
        )
    part = output.absolute().with_name(f".{output.absolute().name}.part")
    shutil.rmtree(part, ignore_errors=True)
    try:
        part.mkdir(parents=True)
        yield part
        os.replace(part, output)
    finally:
        shutil.rmtree(part, ignore_errors=True)
