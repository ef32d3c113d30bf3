"""What the steps' own command lines share: values of options, errors, folders to fill.

Light on purpose: `--help` must not wait for TensorFlow.
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

from components.contracts.process.errors import StreetloopError, UsageError

DONE, FAILED, USAGE = 0, 1, 2
LARGEST_SEED = 2**31 - 1


def parser_of(step: str, description: str, example: str) -> argparse.ArgumentParser:
    """The parser of `python -m components.<step>`, with an example below its options."""
    return argparse.ArgumentParser(
        prog=f"python -m components.{step}",
        description=description,
        epilog=f"example:\n  {example}\n\nExit codes: 0 done, 1 failed, 2 bad usage.",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )


def run(body: Callable[[], int]) -> int:
    """Runs a command's body; an error that a person can act on becomes one line and a code."""
    try:
        return body()
    except StreetloopError as error:
        print("error: " + " ".join(str(error).split()), file=sys.stderr)
        return USAGE if isinstance(error, UsageError) else FAILED
    except OSError as error:  # a full disk, a folder that may not be written
        print(f"error: {error}", file=sys.stderr)
        return FAILED


def _refuse(expected: str, text: str) -> NoReturn:
    raise argparse.ArgumentTypeError(f"expected {expected}; got {text!r}")


def size(text: str) -> tuple[int, int]:
    """HEIGHTxWIDTH in pixels, 32 to 8192 each."""
    match = re.fullmatch(r"(\d{1,5})[xX](\d{1,5})", text)
    if match is None or not all(32 <= int(n) <= 8192 for n in match.groups()):
        _refuse("HEIGHTxWIDTH in pixels (32 to 8192 each), such as 128x256", text)
    return int(match[1]), int(match[2])


def whole(low: int, high: int = LARGEST_SEED) -> Callable[[str], int]:
    """A type of option: a whole number from `low` to `high`."""

    def read(text: str) -> int:
        if not re.fullmatch(r"\d{1,12}", text) or not low <= int(text) <= high:
            _refuse(f"a whole number from {low} to {high}", text)
        return int(text)

    return read


def share(text: str) -> float:
    """A number from 0 to 1."""
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not 0 <= value <= 1:
        _refuse("a number from 0 to 1", text)
    return value


def numbers(text: str) -> tuple[float, ...]:
    """Numbers with commas between them."""
    try:
        return tuple(float(part) for part in text.split(","))
    except ValueError:
        _refuse("numbers with commas between them, such as 0.75,1,1.25", text)


def shares(text: str) -> dict[str, float]:
    """Names with their shares, such as train=.8,val=.2."""
    out: dict[str, float] = {}
    for part in text.split(","):
        name, _, value = part.partition("=")
        if name in out or not name:
            _refuse("each name once, such as train=.8,val=.2", text)
        out[name] = share(value)
    return out


def existing(path: Path, what: str) -> Path:
    """The path of a file or folder; StreetloopError, saying what was expected, if none is there."""
    if not path.exists():
        raise StreetloopError(f"Expected {what} at {path}; there is none.")
    return path


@contextmanager
def new_folder(output: Path) -> Iterator[Path]:
    """Yields an empty folder that takes the name `output` if the block succeeds.

    What a killed attempt left is thrown away: a folder with that name is complete.

    Raises:
      StreetloopError: `output` is there and is not an empty folder, or cannot be written.
    """
    if output.exists() and (not output.is_dir() or any(output.iterdir())):
        raise StreetloopError(
            f"Expected --output {output} to be a new or empty folder; something is there. Delete "
            "it, or name another folder."
        )
    part = output.absolute().with_name(f".{output.absolute().name}.part")
    shutil.rmtree(part, ignore_errors=True)
    try:
        part.mkdir(parents=True)
        yield part
        os.replace(part, output)
    finally:
        shutil.rmtree(part, ignore_errors=True)


def write_text(path: Path, text: str) -> None:
    """Replaces a file as a whole: a reader never sees half of it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    part.write_text(text, encoding="utf-8")
    os.replace(part, path)
