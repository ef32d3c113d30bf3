"""Write docs/reference/commands.md: every command, `python -m` module and Make target."""

from __future__ import annotations

import ast
import inspect
import re
from collections.abc import Iterator
from pathlib import Path

import click

from pipelines.cli import main as streetloop

REPOSITORY = Path(__file__).resolve().parent.parent
ESCAPED = "\\|"  # a bar inside a cell of a table


def commands(written_by: str) -> str:
    """Return the page of commands, modules and Make targets."""
    parts = [
        "# Commands\n",
        written_by,
        "`streetloop COMMAND --help` prints the same. RECIPE is a YAML file; its keys are described "
        "in [recipes](recipes.md). [Exit codes](contracts.md#exit-codes): 0 success, 1 failure, "
        "2 wrong usage or an invalid recipe.\n",
        *_commands(streetloop, "streetloop"),
        "## Modules\n",
        "Each has a `--help`.\n",
        *(f"- `python -m {name}`: {words}" for name, words in modules()),
    ]
    found = targets()
    if found:
        parts += ["", "## Make targets\n", *(f"- `make {name}`: {w}" for name, w in found.items())]
    return "\n".join(parts) + "\n"


def _commands(group: click.Group, path: str) -> Iterator[str]:
    for name, command in sorted(group.commands.items()):
        full = f"{path} {name}"
        text = inspect.cleandoc(command.help or "")
        words, _, example = text.partition("\n\n\b\nExample: ")
        yield f"## {full}\n"
        yield " ".join(words.split()) + "\n"
        if isinstance(command, click.Group):
            yield from _commands(command, full)
            continue
        arguments = [p for p in command.params if isinstance(p, click.Argument)]
        options = [p for p in command.params if isinstance(p, click.Option)]
        usage = [full, *(_metavar(argument) for argument in arguments)]
        yield f"```\n{' '.join([*usage, *(['[OPTIONS]'] if options else [])])}\n```\n"
        if options:
            rows = [_option(option) for option in options]
            yield "\n".join(["| option | default | meaning |", "|---|---|---|", *rows]) + "\n"
        if example:
            yield f"Example:\n\n```\n{example.strip()}\n```\n"


def _metavar(argument: click.Argument) -> str:
    name = argument.metavar or (argument.name or "").upper()
    name = f"{name}…" if argument.nargs != 1 and not name.endswith("...") else name
    return name if argument.required else f"[{name}]"


def _option(option: click.Option) -> str:
    names = ", ".join(f"`{name}`" for name in (*option.opts, *option.secondary_opts))
    if isinstance(option.type, click.Choice):
        names += " " + ", ".join(f"`{choice}`" for choice in option.type.choices)
    elif not option.is_flag:
        names += f" `{option.metavar or _type(option.type)}`"
    # click marks "no default" with None, or with a sentinel of its own that is no plain value.
    plain = isinstance(option.default, (str, int, float, Path)) and not option.is_flag
    default = "required" if option.required else f"`{option.default}`" if plain else ""
    words = re.sub(r"<(\w+)>", r"&lt;\1&gt;", option.help or "")
    return f"| {names.replace('|', ESCAPED)} | {default} | {words.replace('|', ESCAPED)} |"


def _type(kind: click.ParamType) -> str:
    if isinstance(kind, click.IntRange):
        return f"INTEGER ≥ {kind.min}" if kind.max is None else f"{kind.min} to {kind.max}"
    return kind.name.upper()


def modules() -> list[tuple[str, str]]:
    """Return every `python -m` entry point, and the first sentence of its docstring."""
    out = []
    for top in ("components", "tfds_cityscapes"):
        for path in sorted((REPOSITORY / top).rglob("__main__.py")):
            name = ".".join(path.parent.relative_to(REPOSITORY).parts)
            text = ast.get_docstring(ast.parse(path.read_text())) or ""
            out.append((name, " ".join(text.split("\n\n")[0].split()).partition(": ")[2]))
    return out


def targets(makefile: Path = REPOSITORY / "Makefile") -> dict[str, str]:
    """Return the Makefile's targets and the text after `##`."""
    if not makefile.exists():
        return {}
    found = re.findall(
        r"^([a-z][a-z0-9-]*):(?!=)([^\n]*)", makefile.read_text(), flags=re.MULTILINE
    )
    return {name: rest.partition("##")[2].strip() for name, rest in found}
